"""A producer of DLPack capsules, written against the protocol's C structures, that can also produce wrong ones."""

import ctypes

INT, UINT, FLOAT, HANDLE, BFLOAT, COMPLEX, BOOL = range(7)
CPU, CUDA = 1, 2


class Device(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int32), ("id", ctypes.c_int32)]


class DataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", Device),
        ("ndim", ctypes.c_int32),
        ("dtype", DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class Managed(ctypes.Structure):
    pass


Deleter = ctypes.CFUNCTYPE(None, ctypes.POINTER(Managed))
Managed._fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", Deleter)]

Destructor = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
make_capsule = ctypes.pythonapi.PyCapsule_New
make_capsule.restype = ctypes.py_object
make_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, Destructor]
is_valid = ctypes.pythonapi.PyCapsule_IsValid
is_valid.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
pointer_of.restype = ctypes.c_void_p
pointer_of.argtypes = [ctypes.c_void_p, ctypes.c_char_p]

# Memory that capsules lead to has to stay where it is until they are gone; tests are short, so it stays for good.
KEPT = []


def destroy(capsule):
    """What the protocol asks of a producer: a capsule that nobody took deletes its tensor."""
    if is_valid(capsule, b"dltensor"):
        managed = ctypes.cast(pointer_of(capsule, b"dltensor"), ctypes.POINTER(Managed))
        managed.contents.deleter(managed)


DESTRUCTOR = Destructor(destroy)


class Producer:
    """An object with DLPack's two methods and nothing else. `deleted` counts the tensors that were given back."""

    def __init__(self, data, code, bits, shape, *, strides=None, offset=0, lanes=1, device=CPU, ndim=None):
        self.buffer = ctypes.create_string_buffer(bytes(data), max(len(data), 1))
        self.type = DataType(code, bits, lanes)
        self.shape, self.strides, self.offset = shape, strides, offset
        self.device, self.ndim = device, len(shape) if ndim is None else ndim
        self.made = self.deleted = 0
        self.name = b"dltensor"

    def __dlpack_device__(self):
        return (self.device, 0)

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        self.made += 1
        shape = (ctypes.c_int64 * len(self.shape))(*self.shape)
        strides = (ctypes.c_int64 * len(self.strides))(*self.strides) if self.strides is not None else None
        address = ctypes.addressof(self.buffer)
        tensor = Tensor(address, Device(self.device, 0), self.ndim, self.type, shape, strides, self.offset)
        managed = Managed(tensor, None, Deleter(self.delete))
        KEPT.append((managed, shape, strides, self.buffer, self.name))
        return make_capsule(ctypes.addressof(managed), self.name, DESTRUCTOR)

    def delete(self, _):
        self.deleted += 1


class Wrapper:
    """DLPack's methods of another object, so that none of its other protocols is seen."""

    def __init__(self, owner):
        self.owner = owner

    def __dlpack_device__(self):
        return self.owner.__dlpack_device__()

    def __dlpack__(self, **arguments):
        return self.owner.__dlpack__(**arguments)


class OldWrapper(Wrapper):
    """A producer from before versions were agreed on: it takes only a stream."""

    def __dlpack__(self, stream=None):
        return self.owner.__dlpack__()
