"""The model that the stand-in server serves: found and refused as TensorFlow Serving does."""

import pathlib

from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2

from tfwolf.serving.c_api import Servable, ServableError

# Numbers of TensorFlow's errors, which are those of gRPC.
NOT_FOUND = 5


class ServedModel:
    """The newest version in a folder.

    Args:
        name: that requests use.
        base_path: folder with a folder for each version, named by an integer.

    Attributes:
        version: the one that is served.
        signatures: a map of `SignatureDef`, as the SavedModel has it.
    """

    def __init__(self, name, base_path):
        versions = [
            int(folder.name)
            for folder in pathlib.Path(base_path).iterdir()
            if folder.name.isdigit()
        ]
        if not versions:
            raise ValueError(
                f'model_base_path must hold folders named by integers; {base_path} has none'
            )
        self.name, self.version = name, max(versions)
        folder = pathlib.Path(base_path, str(self.version))
        # A server does not hold shapes against the signature.
        self.call = Servable(folder, check_shapes=False)
        self._saved_model = saved_model_pb2.SavedModel.FromString(
            (folder / 'saved_model.pb').read_bytes()
        )
        self.signatures = self._saved_model.meta_graphs[0].signature_def

    def check(self, name, version):
        """Raises a `ServableError` unless the name, and the version if it is not None, are those of
        this model.
        """
        if name != self.name or version not in (None, self.version):
            wanted = f'Latest({name})' if version is None else f'Specific({name}, {version})'
            raise ServableError(f'Servable not found for request: {wanted}', NOT_FOUND)

    def metadata(self):
        """Returns the `GetModelMetadataResponse`."""
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in self.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = self.name
        response.model_spec.version.value = self.version
        response.metadata['signature_def'].Pack(signatures)
        return response
