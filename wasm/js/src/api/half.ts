/** Numbers of half precision from and to their bits. */

const float = new Float64Array(1);
const bits = new BigUint64Array(float.buffer);

/** The bits of the nearest number of half precision, ties to even. */
export function toHalf(value: number): number {
  float[0] = value;
  const all = bits[0] as bigint;
  const sign = Number(all >> 63n) << 15;
  if (Number.isNaN(value)) return sign | 0x7e00;
  const size = Math.abs(value);
  // Halfway between the largest number and what would be the next.
  if (size >= 65520) return sign | 0x7c00;
  const exponent = size < 2 ** -14 ? -14 : Math.floor(Number((all >> 52n) & 0x7ffn) - 1023);
  // Exact, because it only changes the exponent; then one rounding. A carry goes into the exponent, as it has to.
  const mantissa = roundEven(size * 2 ** (10 - exponent));
  return sign | (size < 2 ** -14 ? mantissa : ((exponent + 15) << 10) + mantissa - 1024);
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The number with these bits. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1024 + mantissa) * 2 ** (exponent - 25);
}
