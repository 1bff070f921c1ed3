"""Lanes: some float32 numbers side by side, computed with in one instruction.

Whether a compiler finds the parallel form of a loop over siblings is luck: with more arrays than
it cares to compare, or a width known only at run time, it gives up. So solvers say it: `Lanes` is
a vector of the machine, with the usual operators, each lane by itself. All functions here are for
compiled code; Python has no such values.

`like` is any lanes of the width that is wanted.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, models, overload, register_model
from numpy.typing import NDArray

PAIR, LINE, WIDEST = 2, 16, 32
"""Widths that solvers are compiled for: two siblings, one cache line, two cache lines."""

Matrix = NDArray[np.float32] | NDArray[np.int8]
"""Rows one after the other in memory."""


class Lanes(Protocol):
    """Float32 numbers side by side."""

    def __add__(self, other: Lanes, /) -> Lanes:
        """Add lane by lane."""

    def __sub__(self, other: Lanes, /) -> Lanes:
        """Subtract lane by lane."""

    def __mul__(self, other: Lanes, /) -> Lanes:
        """Multiply lane by lane."""

    def __truediv__(self, other: Lanes, /) -> Lanes:
        """Divide lane by lane."""


class LanesType(types.Type):
    """What the compiler calls them: a type for each width."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"Lanes({width})")


class _Vector(models.PrimitiveModel):
    """In registers and in memory: a vector."""

    def __init__(self, manager: Any, lanes: LanesType) -> None:
        vector = ir.VectorType(ir.FloatType(), lanes.width)
        super().__init__(manager, lanes, vector)  # type: ignore[no-untyped-call]


register_model(LanesType)(_Vector)


def _instruction(typed: Callable[..., Any]) -> Any:
    """Return what compiled code calls; `typed` gives the types and what to emit for them."""
    return intrinsic(typed)


def _zeros(width: int) -> Callable[[], Lanes]:
    def typed(_: Any) -> Any:
        lanes = LanesType(width)

        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return context.get_constant_null(lanes)

        return lanes(), emit

    made: Callable[[], Lanes] = _instruction(typed)
    return made


pair, line, widest = _zeros(PAIR), _zeros(LINE), _zeros(WIDEST)
"""Zeros, of each width."""


def _splat(_: Any, number: Any, like: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x = context.cast(builder, arguments[0], number, types.float32)
        first = builder.insert_element(_undefined(like), x, _index(0))
        return builder.shuffle_vector(first, _undefined(like), _places([0] * like.width))

    return like(number, like), emit


def _width(_: Any, like: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant(types.intp, like.width)

    return types.intp(like), emit


def _load(_: Any, matrix: Any, i: Any, first: Any, like: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        element = ir.FloatType() if matrix.dtype == types.float32 else ir.IntType(8)
        stored = ir.VectorType(element, like.width)
        place = _address(context, builder, signature.args, arguments, stored)
        found = builder.load(place, align=matrix.dtype.bitwidth // 8)
        lanes = ir.VectorType(ir.FloatType(), like.width)
        return found if stored == lanes else builder.sitofp(found, lanes)

    return like(matrix, i, first, like), emit


def _store(_: Any, matrix: Any, i: Any, first: Any, lanes: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        stored = ir.VectorType(ir.FloatType(), lanes.width)
        place = _address(context, builder, signature.args, arguments, stored)
        builder.store(arguments[3], place, align=4)
        return context.get_dummy_value()

    return types.none(matrix, i, first, lanes), emit


def _address(context: Any, builder: Any, signature: Any, arguments: Any, stored: Any) -> Any:
    """Return where matrix[i, first] lies, as a pointer to `stored`."""
    matrix = context.make_array(signature[0])(context, builder, arguments[0])
    i, first = (
        context.cast(builder, a, t, types.intp)
        for a, t in zip(arguments[1:3], signature[1:3], strict=True)
    )
    width = builder.extract_value(matrix.shape, 1)
    place = builder.gep(matrix.data, [builder.add(builder.mul(i, width), first)])
    return builder.bitcast(place, stored.as_pointer())


def _prefetch(_: Any, array: Any, at: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(array)(context, builder, arguments[0]).data
        place = builder.gep(data, [context.cast(builder, arguments[1], at, types.intp)])
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, *[ir.IntType(32)] * 3])
        fetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        # To be read, soon, as data.
        builder.call(fetch, [builder.bitcast(place, byte), _index(0), _index(3), _index(1)])
        return context.get_dummy_value()

    return types.none(array, at), emit


def _where_above(_: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right, above, otherwise = arguments
        return builder.select(builder.fcmp_ordered(">", left, right), above, otherwise)

    return x(a, b, x, y), emit


def _highest(_: Any, lanes: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kept, width = arguments[0], lanes.width
        while width > 1:  # the upper half against the lower
            width //= 2
            low = builder.shuffle_vector(kept, kept, _places(range(width)))
            high = builder.shuffle_vector(kept, kept, _places(range(width, 2 * width)))
            kept = builder.select(builder.fcmp_ordered(">", low, high), low, high)
        return builder.extract_element(kept, _index(0))

    return types.float32(lanes), emit


def _binary(name: str) -> Any:
    """Return an arithmetic instruction of two lanes."""

    def typed(_: Any, a: Any, b: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, name)(*arguments)

        return a(a, b), emit

    return _instruction(typed)


def _operator(symbol: Callable[[Any, Any], Any], name: str) -> None:
    """Let an operator between lanes be an instruction."""
    instruction = _binary(name)
    # numba compares the parameters of both functions: neither may have annotations.
    overload(symbol)(
        lambda a, b: (
            (lambda a, b: instruction(a, b)) if isinstance(a, LanesType) and a == b else None
        )
    )


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")
_operator(operator.truediv, "fdiv")


def _index(number: int) -> Any:
    return ir.Constant(ir.IntType(32), number)


def _places(numbers: Any) -> Any:
    numbers = list(numbers)
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)


def _undefined(lanes: Any) -> Any:
    return ir.Constant(ir.VectorType(ir.FloatType(), lanes.width), ir.Undefined)


splat: Callable[[float, Lanes], Lanes] = _instruction(_splat)
"""Return the number in every lane."""
width: Callable[[Lanes], int] = _instruction(_width)
"""Return the number of lanes, known when compiling."""
load: Callable[[Matrix, int, int, Lanes], Lanes] = _instruction(_load)
"""Return matrix[i, first:first + width(like)]."""
store: Callable[[Matrix, int, int, Lanes], None] = _instruction(_store)
"""Set matrix[i, first:first + width(lanes)]."""
prefetch: Callable[[NDArray[Any], int], None] = _instruction(_prefetch)
"""Ask for the cache line of array[at] (1-d) before it is needed."""
where_above: Callable[[Lanes, Lanes, Lanes, Lanes], Lanes] = _instruction(_where_above)
"""Return x where a > b, else y."""
highest: Callable[[Lanes], np.float32] = _instruction(_highest)
"""Return the largest lane."""
