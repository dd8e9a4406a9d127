"""The names that object code asks of the system, in the formats of Linux, macOS and Windows."""

import struct


def undefined(code):
    """Names that an object needs, without the underscore that macOS puts before them."""
    if code[:4] == b"\x7fELF":
        return _elf(code)
    if code[:4] == b"\xcf\xfa\xed\xfe":
        return {name.removeprefix("_") for name in _mach_o(code)}
    return _coff(code)


def _text(code, at):
    return code[at : code.index(b"\0", at)].decode()


def _elf(code):
    sections, count = struct.unpack_from("<Q", code, 40)[0], struct.unpack_from("<H", code, 60)[0]
    headers = [struct.unpack_from("<IIQQQQIIQQ", code, sections + 64 * k) for k in range(count)]
    (symbols,) = (header for header in headers if header[1] == 2)
    strings = headers[symbols[6]][4]
    found = set()
    for at in range(symbols[4], symbols[4] + symbols[5], 24):
        name, _, _, section = struct.unpack_from("<IBBH", code, at)
        if name and section == 0:
            found.add(_text(code, strings + name))
    return found


def _mach_o(code):
    commands, at, found = struct.unpack_from("<I", code, 16)[0], 32, set()
    for _ in range(commands):
        kind, length = struct.unpack_from("<II", code, at)
        if kind == 2:  # LC_SYMTAB
            symbols, count, strings, _ = struct.unpack_from("<IIII", code, at + 8)
            for k in range(count):
                name, type_, _ = struct.unpack_from("<IBB", code, symbols + 16 * k)
                if type_ & 0xEF == 1:  # external, of no section, nothing for a debugger
                    found.add(_text(code, strings + name))
        at += length
    return found


def _coff(code):
    symbols, count = struct.unpack_from("<II", code, 8)
    strings, found, k = symbols + 18 * count, set(), 0
    while k < count:
        at = symbols + 18 * k
        value, section, _, storage, more = struct.unpack_from("<IhHBB", code, at + 8)
        if (storage, section, value) == (2, 0, 0):  # external, undefined, no common block
            short, long = struct.unpack_from("<II", code, at)
            name = (
                code[at : at + 8].rstrip(b"\0").decode() if short else _text(code, strings + long)
            )
            found.add(name)
        k += 1 + more
    return found
