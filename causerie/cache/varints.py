"""Whole numbers in as few bytes as they need: seven bits each, the lowest first, as Protocol Buffers write them."""


class Writer:
    """Collects bytes in `data`."""

    __slots__ = ("data",)

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)

    def put(self, number: int) -> None:
        data = self.data
        while number > 127:
            data.append(number & 127 | 128)
            number >>= 7
        data.append(number)

    def put_signed(self, number: int) -> None:
        """Numbers near zero, of either sign, stay short."""
        self.put(number * 2 if number >= 0 else -number * 2 - 1)

    def put_sized(self, content: bytes | bytearray) -> None:
        self.put(len(content))
        self.data += content


class Reader:
    """Takes them out again, from `at` on. What is not there raises IndexError."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, *, at: int = 0) -> None:
        self.data = data
        self.at = at

    def take(self) -> int:
        data, at = self.data, self.at
        byte = data[at]
        at += 1
        number, shift = byte & 127, 7
        while byte > 127:
            byte = data[at]
            at += 1
            number |= (byte & 127) << shift
            shift += 7
        self.at = at
        return number

    def take_signed(self) -> int:
        number = self.take()
        return number >> 1 if number & 1 == 0 else -(number + 1 >> 1)

    def take_sized(self) -> bytes:
        return self.take_bytes(self.take())

    def take_bytes(self, count: int) -> bytes:
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise IndexError("too short")
        content = self.data[self.at : end]
        self.at = end
        return content
