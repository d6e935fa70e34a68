"""The model of the stand-in server, with the errors of TensorFlow Serving."""

import pathlib

from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2

from tfwolf.serving.c_api import Servable, ServableError

# TensorFlow's error code, equal to that of gRPC.
NOT_FOUND = 5


class ServedModel:
    """The newest version in a folder.

    Args:
        name: name in requests.
        base_path: folder of the versions, folders named by integers.

    Attributes:
        version: the served version.
        signatures: map of `SignatureDef` of the SavedModel.
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
        # A server does not compare shapes with the signature.
        self.call = Servable(folder, check_shapes=False)
        self._saved_model = saved_model_pb2.SavedModel.FromString(
            (folder / 'saved_model.pb').read_bytes()
        )
        self.signatures = self._saved_model.meta_graphs[0].signature_def

    def check(self, name, version):
        """Raise a `ServableError` if name or version, unless it is None, are not of this model."""
        if name != self.name or version not in (None, self.version):
            wanted = f'Latest({name})' if version is None else f'Specific({name}, {version})'
            raise ServableError(f'Servable not found for request: {wanted}', NOT_FOUND)

    def metadata(self):
        """Return the `GetModelMetadataResponse`."""
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in self.signatures.items():
            signatures.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = self.name
        response.model_spec.version.value = self.version
        response.metadata['signature_def'].Pack(signatures)
        return response
