// Small floating-point types: their bits as numbers, and numbers as the nearest of them.
#ifndef CONFORMANCE_FLOATS_HPP
#define CONFORMANCE_FLOATS_HPP

#include <cmath>
#include <cstdint>
#include <limits>

// A type by its fields. `is_fn`: no infinity, only the highest code is NaN; `is_uz`: the code of negative zero is NaN.
struct FloatFormat {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  bool is_fn;
  bool is_uz;

  int bits() const { return 1 + exponent_bits + mantissa_bits; }

  double number(std::uint32_t code) const {
    const std::uint32_t sign = code >> (bits() - 1);
    const std::uint32_t exponent = (code >> mantissa_bits) & ((1u << exponent_bits) - 1);
    const std::uint32_t mantissa = code & ((1u << mantissa_bits) - 1);
    const std::uint32_t highest = (1u << exponent_bits) - 1;
    if (is_uz && code == 1u << (bits() - 1)) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    if (!is_uz && exponent == highest && (!is_fn || mantissa == (1u << mantissa_bits) - 1)) {
      const bool is_infinite = !is_fn && mantissa == 0;
      const double number =
          is_infinite ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
      return sign != 0 ? -number : number;
    }
    const double fraction = std::ldexp(static_cast<double>(mantissa), -mantissa_bits);
    const double magnitude = exponent == 0 ? std::ldexp(fraction, 1 - bias)
                                           : std::ldexp(1 + fraction, static_cast<int>(exponent) - bias);
    return sign != 0 ? -magnitude : magnitude;
  }

  // The code whose number is nearest, ties to the even one. There are few enough to look at all of them.
  std::uint32_t code(double wanted) const {
    std::uint32_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::uint32_t code = 0; code < 1u << bits(); ++code) {
      const double own = number(code);
      if (std::isnan(wanted) ? std::isnan(own) : own == wanted && std::signbit(own) == std::signbit(wanted)) {
        return code;
      }
      const double distance = std::fabs(own - wanted);
      if (distance < least || (distance == least && code % 2 == 0)) {
        best = code;
        least = distance;
      }
    }
    return best;
  }
};

constexpr FloatFormat kFloat16{5, 10, 15, false, false};
constexpr FloatFormat kBfloat16{8, 7, 127, false, false};
constexpr FloatFormat kFloat8E4m3fn{4, 3, 7, true, false};
constexpr FloatFormat kFloat8E4m3fnuz{4, 3, 8, true, true};
constexpr FloatFormat kFloat8E5m2{5, 2, 15, false, false};
constexpr FloatFormat kFloat8E5m2fnuz{5, 2, 16, true, true};

#endif
