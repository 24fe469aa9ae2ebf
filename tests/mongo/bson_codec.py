"""BSON, as far as the double of a MongoDB server needs it: documents are dicts, what Python has no word for is a small class."""
import struct


class Date(int):
    """Milliseconds since 1970: Python's own dates end in the year 9999."""


class Int64(int):
    """An integer that is 64 bits wide on the wire whatever its value."""


class ObjectId(bytes):
    pass


class Timestamp(int):
    pass


class Binary(bytes):
    """Bytes with a subtype (sessions' ids are UUIDs, subtype 4)."""
    subtype = 0

    @classmethod
    def of(cls, data, subtype):
        made = cls(data)
        made.subtype = subtype
        return made


I32, I64, F64 = struct.Struct("<i"), struct.Struct("<q"), struct.Struct("<d")
U64 = struct.Struct("<Q")


def decode(data, at=0):
    """The document that begins at data[at], and where it ends."""
    end = at + I32.unpack_from(data, at)[0]
    doc, _ = _members(data, at + 4, end - 1)
    return doc, end


def _members(data, at, end):
    doc = {}
    while at < end:
        kind = data[at]
        stop = data.index(0, at + 1)
        name = data[at + 1:stop].decode()
        at = stop + 1
        if kind == 0x10:
            value, at = I32.unpack_from(data, at)[0], at + 4
        elif kind == 0x12:
            value, at = Int64(I64.unpack_from(data, at)[0]), at + 8
        elif kind == 0x02:
            size = I32.unpack_from(data, at)[0]
            value, at = data[at + 4:at + 3 + size].decode(), at + 4 + size
        elif kind == 0x09:
            value, at = Date(I64.unpack_from(data, at)[0]), at + 8
        elif kind == 0x03:
            value, at = decode(data, at)
        elif kind == 0x04:
            members, at = decode(data, at)
            value = list(members.values())
        elif kind == 0x05:
            size = I32.unpack_from(data, at)[0]
            value = Binary.of(data[at + 5:at + 5 + size], data[at + 4])
            at += 5 + size
        elif kind == 0x08:
            value, at = data[at] != 0, at + 1
        elif kind == 0x0A:
            value = None
        elif kind == 0x01:
            value, at = F64.unpack_from(data, at)[0], at + 8
        elif kind == 0x07:
            value, at = ObjectId(data[at:at + 12]), at + 12
        elif kind == 0x11:
            value, at = Timestamp(U64.unpack_from(data, at)[0]), at + 8
        else:
            raise ValueError(f"BSON type {kind:#x} of {name}: the double does not know it")
        doc[name] = value
    return doc, at


def encode(doc):
    out = bytearray(4)
    for name, value in doc.items():
        _put(out, name.encode(), value)
    out.append(0)
    I32.pack_into(out, 0, len(out))
    return bytes(out)


def _put(out, name, value):
    def head(kind):
        out.append(kind)
        out.extend(name)
        out.append(0)

    if value is None:
        head(0x0A)
    elif isinstance(value, bool):
        head(0x08)
        out.append(value)
    elif isinstance(value, Date):
        head(0x09)
        out.extend(I64.pack(value))
    elif isinstance(value, Timestamp):
        head(0x11)
        out.extend(U64.pack(value))
    elif isinstance(value, int):
        if isinstance(value, Int64) or not -2**31 <= value < 2**31:
            head(0x12)
            out.extend(I64.pack(value))
        else:
            head(0x10)
            out.extend(I32.pack(value))
    elif isinstance(value, float):
        head(0x01)
        out.extend(F64.pack(value))
    elif isinstance(value, str):
        data = value.encode()
        head(0x02)
        out.extend(I32.pack(len(data) + 1))
        out.extend(data)
        out.append(0)
    elif isinstance(value, ObjectId):
        head(0x07)
        out.extend(value)
    elif isinstance(value, bytes):
        head(0x05)
        out.extend(I32.pack(len(value)))
        out.append(getattr(value, "subtype", 0))
        out.extend(value)
    elif isinstance(value, dict):
        head(0x03)
        out.extend(encode(value))
    elif isinstance(value, (list, tuple)):
        head(0x04)
        out.extend(encode({str(i): v for i, v in enumerate(value)}))
    else:
        raise ValueError(f"{type(value)} of {name}")


def key(value):
    """A value as something that Python orders and hashes as MongoDB does: by kind first."""
    if value is None:
        return (1,)
    if isinstance(value, bool):
        return (8, value)
    if isinstance(value, Date):
        return (9, int(value))
    if isinstance(value, (int, float)):
        return (2, value)
    if isinstance(value, str):
        return (3, value)
    if isinstance(value, dict):
        return (4, tuple((key(v)[0], k, key(v)) for k, v in value.items()))
    if isinstance(value, (list, tuple)):
        return (5, tuple(key(v) for v in value))
    if isinstance(value, ObjectId):
        return (7, bytes(value))
    return (6, len(value), bytes(value))
