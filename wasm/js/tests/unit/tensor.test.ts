/** Tensors: what they are made of, what they refuse, and half precision against the platform's conversions. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { OrtletError, Tensor, type DType } from "ortlet";

const code = (expected: string) => (error: unknown) => error instanceof OrtletError && error.code === expected;

void test("arrays of the right kind are kept, not copied", () => {
  const data = new Float32Array([1, 2, 3, 4]);
  const tensor = new Tensor("float32", data, [2, 2]);
  assert.equal(tensor.data, data);
  assert.deepEqual(tensor.toNested(), [
    [1, 2],
    [3, 4],
  ]);
  assert.equal(tensor.toString(), "float32[2, 2]");
  assert.equal(tensor.size, 4);
  const clamped = new Uint8ClampedArray([1, 2]);
  assert.equal(new Tensor("uint8", clamped as never).data.buffer, clamped.buffer);
});

void test("elements become what the type holds", () => {
  assert.deepEqual(new Tensor("int64", [1, 2n]).data, BigInt64Array.of(1n, 2n));
  assert.deepEqual(new Tensor("bool", [true, false]).toNested(), [true, false]);
  assert.deepEqual(new Tensor("string", ["a", "b"], [2, 1]).toNested(), [["a"], ["b"]]);
  assert.equal(new Tensor("float64", [0.5], []).item(), 0.5);
  assert.deepEqual(new Tensor("int4", [-8, 7, -1]).data, Uint8Array.of(0x78, 0x0f));
  assert.deepEqual(new Tensor("int4", [-8, 7, -1]).toNested(), [-8, 7, -1]);
  assert.deepEqual(new Tensor("uint4", [15, 1]).data, Uint8Array.of(0x1f));
  assert.deepEqual(new Tensor("float32", [], [2, 0]).toNested(), [[], []]);
});

void test("what does not fit is refused", () => {
  const refuse = (dtype: DType, data: unknown, shape: unknown, expected: string) =>
    assert.throws(() => new Tensor(dtype, data as never, shape as never), code(expected), `${dtype} ${String(data)}`);
  refuse("float32", new Float64Array(2), [2], "tensor_mismatch");
  refuse("float32", new Float32Array(3), [2, 2], "tensor_mismatch");
  refuse("float32", new DataView(new ArrayBuffer(4)), [1], "tensor_mismatch");
  refuse("float32", ["1"], [1], "tensor_mismatch");
  refuse("int8", [128], [1], "invalid_argument");
  refuse("uint64", [-1n], [1], "invalid_argument");
  refuse("int32", [0.5], [1], "tensor_mismatch");
  refuse("bool", [1], [1], "tensor_mismatch");
  refuse("string", [1], [1], "tensor_mismatch");
  refuse("float32", [1], [-1], "invalid_argument");
  refuse("float32", [1], [1.5], "invalid_argument");
  refuse("float32", [1], Array(65).fill(1), "limit_exceeded");
  refuse("float32", [1], [2 ** 62, 2], "limit_exceeded");
  refuse("bfloat16" as DType, [1], [1], "unsupported");
  refuse("toString" as DType, [1], [1], "unsupported");
  assert.throws(() => new Tensor("float32", [1, 2]).item(), code("invalid_argument"));
});

void test("every number of half precision is read and written as IEEE 754 says", () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = new Tensor("float16", Uint16Array.of(bits), []).item();
    assert.equal(typeof value, "number");
    if (Number.isNaN(value)) {
      assert.ok((bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0, `${bits} is a number`);
      continue;
    }
    assert.ok(Object.is(value, half(bits)), `${bits} is ${value}`);
    assert.equal(new Tensor("float16", [value], []).data[0], bits);
  }
});

void test("numbers between those of half precision go to the nearest, ties to even", () => {
  const bits = (value: number) => new Tensor("float16", [value], []).data[0];
  for (let at = 0; at < 0x7bff; at += 7) {
    const [low, high] = [half(at), half(at + 1)];
    const middle = (low + high) / 2;
    assert.equal(bits(middle), at % 2 === 0 ? at : at + 1, `the middle above ${low}`);
    assert.equal(bits(middle * (1 + Number.EPSILON)), at + 1);
    assert.equal(bits(middle * (1 - Number.EPSILON)), at);
  }
  assert.equal(bits(65519.99), 0x7bff);
  assert.equal(bits(65520), 0x7c00);
  assert.equal(bits(-1e300), 0xfc00);
  assert.equal(bits(2 ** -25), 0);
  assert.equal(bits(-0), 0x8000);
  assert.equal(bits(NaN), 0x7e00);
});

/** The value of finite or infinite bits, put together by their meaning in text. */
function half(bits: number): number {
  const sign = bits >> 15 === 1 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  const mantissa = (exponent === 0 ? 0 : 1) + fraction / 1024;
  return sign * mantissa * 2 ** (Math.max(exponent, 1) - 15);
}
