"""TensorFlow Serving's JSON format of tensors, with its errors."""

import base64
import binascii
import itertools
import json
import math

import numpy as np

from tfwolf.serving.c_api import ServableError

LARGEST_FLOAT = float(np.finfo(np.float32).max)


def read_request(text):
    """Return the object of a request's body."""
    if not text:
        raise ServableError('JSON Parse error: The document is empty')
    try:
        request = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ServableError(f'JSON Parse error: {error}') from None
    if not isinstance(request, dict):
        raise ServableError(f'JSON Value: {_shown(request)} Is not object')
    if not isinstance(request.get('signature_name', ''), str):
        raise ServableError(
            f"JSON Value: {_shown(request)} not formatted correctly. 'signature_name' key must be "
            'a string value.'
        )
    if ('instances' in request) == ('inputs' in request):
        raise ServableError(
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"
            if 'inputs' in request
            else "Missing 'inputs' or 'instances' key"
        )
    return request


def columns(value, infos):
    """Return `{name: array}` of the value of 'inputs': an object, or the only input itself."""
    if not isinstance(value, dict) or _is_bytes(value):
        if len(infos) > 1:
            raise ServableError(
                'inputs is a plain value/list, but expecting an object as multiple input tensors '
                'required as per '
                'tensorinfo_map'
            )
        value = {name: value for name in infos}
    for name in infos:
        if name not in value:
            raise ServableError(f"Missing named input: {name} in 'inputs' object.")
    return {name: _tensor(name, value[name], info.dtype) for name, info in infos.items()}


def rows(value, infos):
    """Return `{name: array}` of 'instances': a list of objects, or of rows of the only input."""
    if not isinstance(value, list) or not value:
        raise ServableError(
            f"JSON Value: {_shown(value)} Excepting 'instances' to be an list/array that is not "
            'empty'
        )
    if not isinstance(value[0], dict) and len(infos) > 1:
        raise ServableError(
            'instances is a plain list, but expecting list of objects as multiple input tensors '
            'required as per '
            'tensorinfo_map'
        )
    named = isinstance(value[0], dict) and not _is_bytes(value[0])
    found = {name: [] for name in infos}
    for index, element in enumerate(value):
        if named != (isinstance(element, dict) and not _is_bytes(element)):
            wanted = 'object but got list' if named else 'value/list but got object'
            raise ServableError(f'Expecting {wanted} at item {index} of input list')
        element = element if named else {name: element for name in infos}
        if set(element) != set(infos):
            raise ServableError(
                f"Failed to process element: {index} of 'instances' list. JSON object: "
                f'{_shown(element)} '
                f'keys must be equal to: {",".join(sorted(infos))}'
            )
        for name, info in infos.items():
            try:
                found[name].append(_tensor(name, element[name], info.dtype))
            except ServableError as error:
                raise ServableError(
                    f"Failed to process element: {index} key: {name} of 'instances' list. "
                    f'Error: INVALID_ARGUMENT: {error}'
                ) from None
            if found[name][-1].shape != found[name][0].shape:
                raise ServableError(
                    f"Failed to process element: {index} key: {name} of 'instances' list. Error: "
                    'INVALID_ARGUMENT: '
                    f'Expecting shape {list(found[name][0].shape)} but got: '
                    f'{list(found[name][-1].shape)}'
                )
    return {name: np.stack(arrays) for name, arrays in found.items()}


def write_columns(outputs):
    """Return the answer to 'inputs'; a single output has no name."""
    values = {name: _values(name, array) for name, array in outputs.items()}
    return {'outputs': values if len(values) > 1 else next(iter(values.values()))}


def write_rows(outputs):
    """Return the answer to 'instances'."""
    values = {name: _values(name, array) for name, array in outputs.items()}
    return {
        'predictions': next(iter(values.values()))
        if len(values) == 1
        else [dict(zip(values, row)) for row in zip(*values.values())]
    }


def _tensor(name, value, dtype):
    shape, first = [], value
    while isinstance(first, list):
        shape.append(len(first))
        if not first:
            break
        first = first[0]
    level = [value]
    for depth, size in enumerate(shape):
        for item in level:
            if not isinstance(item, list):
                raise ServableError(
                    f'`{name}`: JSON Value: {_shown(item)} found at incorrect level: {depth + 1} '
                    'in the JSON DOM. '
                    f'Expected at level: {len(shape)}'
                )
            if len(item) != size:
                raise ServableError(
                    f'`{name}`: Encountered list at unexpected size: {len(item)} at level: '
                    f'{depth} expected size: {size}'
                )
        level = list(itertools.chain.from_iterable(level))
    if any(isinstance(item, list) for item in level):
        raise ServableError(
            f'`{name}`: Encountered list at unexpected level: {len(shape)} expected < {len(shape)}'
        )
    if dtype == np.object_:
        array = np.empty(len(level), np.object_)
        array[:] = [_bytes(name, item) for item in level]
        return array.reshape(shape)
    _check_numbers(name, level, np.dtype(dtype))
    return np.array(level, dtype).reshape(shape)


def _check_numbers(name, values, dtype):
    """Raise an error that names the input, if values are not of its type.

    A real server names it only in the row format, and converts integers that are too large: 256 is
    the uint8 0.
    """
    floats = dtype.kind == 'f'
    for item in values:
        if (
            type(item) is not int
            and not (floats and type(item) is float)
            or not floats
            and not _fits(item, dtype)
        ):
            raise ServableError(
                f'`{name}`: JSON Value: {_shown(item)} Type: {_type(item)} is not of expected '
                f'type: {dtype.name}'
            )
        if floats and (
            abs(item) >= 2**24
            if type(item) is int
            else math.isfinite(item) and abs(item) > LARGEST_FLOAT
        ):
            raise ServableError(
                f'`{name}`: Cannot convert JSON value: {_shown(item)} to float without loss of '
                'precision.'
            )


def _fits(value, dtype):
    return np.iinfo(dtype).min <= value <= np.iinfo(dtype).max


def _is_bytes(value):
    return isinstance(value, dict) and list(value) == ['b64'] and isinstance(value['b64'], str)


def _bytes(name, value):
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, dict):
        raise ServableError(
            f'`{name}`: JSON Value: {_shown(value)} Type: {_type(value)} is not of expected type: '
            'string'
        )
    if not _is_bytes(value):
        raise ServableError(
            f'`{name}`: JSON Value: {_shown(value)} not formatted correctly for base64 data'
        )
    try:
        return base64.b64decode(value['b64'], validate=True)
    except binascii.Error:
        raise ServableError(f'`{name}`: Unable to base64 decode') from None


def _values(name, array):
    if array.dtype != np.object_:
        return array.tolist()
    as_json = (
        (lambda value: {'b64': base64.b64encode(value).decode()})
        if name.endswith('_bytes')
        else bytes.decode
    )
    return (
        [as_json(value) for value in array.ravel()]
        if array.ndim == 1
        else [_values(name, row) for row in array]
    )


def _type(value):
    kinds = {bool: str(value), type(None): 'Null', dict: 'Object', list: 'Array', str: 'String'}
    return kinds.get(type(value), 'Number')


def _shown(value):
    return json.dumps(value)[:200]
