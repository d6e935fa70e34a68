"""What a trained model is worth and what it shows: likelihood and picture grids."""
