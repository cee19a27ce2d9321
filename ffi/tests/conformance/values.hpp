// Values as the cases write them: from JSON, and compared with what a run gave.
#ifndef CONFORMANCE_VALUES_HPP
#define CONFORMANCE_VALUES_HPP

#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "facts.hpp"
#include "floats.hpp"

namespace values {

using ortlet::DType;

inline DType dtype(const std::string &wanted) {
  for (std::uint32_t number = 1; number <= ORTLET_INT2; ++number) {
    if (ortlet::name(static_cast<DType>(number)) == wanted) {
      return static_cast<DType>(number);
    }
  }
  throw Wrong("there is no dtype " + wanted);
}

// A small float's format, or NULL.
inline const FloatFormat *format(DType dtype) {
  switch (dtype) {
    case DType::float16: return &kFloat16;
    case DType::bfloat16: return &kBfloat16;
    case DType::float8_e4m3fn: return &kFloat8E4m3fn;
    case DType::float8_e4m3fnuz: return &kFloat8E4m3fnuz;
    case DType::float8_e5m2: return &kFloat8E5m2;
    case DType::float8_e5m2fnuz: return &kFloat8E5m2fnuz;
    default: return nullptr;
  }
}

inline bool is_float(DType dtype) {
  return dtype == DType::float32 || dtype == DType::float64 || format(dtype) != nullptr;
}

// A number, or the text of one that JSON does not have.
inline double number(const Json &json) {
  if (json == "NaN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (json == "Infinity" || json == "-Infinity") {
    return json == "Infinity" ? HUGE_VAL : -HUGE_VAL;
  }
  return json.get<double>();
}

template <class T>
void append(std::string &bytes, T value) {
  bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
}

template <class T>
void append_whole(std::string &bytes, const Json &json) {
  if (json.is_string()) {
    const std::string digits = json;
    append(bytes, static_cast<T>(std::is_signed_v<T> ? std::stoll(digits)
                                                      : static_cast<long long>(std::stoull(digits))));
  } else {
    append(bytes, json.get<T>());
  }
}

// Adds an element to the memory of a tensor.
inline void append(std::string &bytes, DType dtype, const Json &json) {
  if (const FloatFormat *small = format(dtype)) {
    const std::uint32_t code = small->code(number(json));
    return small->bits() == 16 ? append(bytes, static_cast<std::uint16_t>(code))
                               : append(bytes, static_cast<std::uint8_t>(code));
  }
  switch (dtype) {
    case DType::float32: return append(bytes, static_cast<float>(number(json)));
    case DType::float64: return append(bytes, number(json));
    case DType::boolean: return append(bytes, static_cast<std::uint8_t>(json.get<bool>()));
    case DType::int8: return append_whole<std::int8_t>(bytes, json);
    case DType::int16: return append_whole<std::int16_t>(bytes, json);
    case DType::int32: return append_whole<std::int32_t>(bytes, json);
    case DType::int64: return append_whole<std::int64_t>(bytes, json);
    case DType::uint8: return append_whole<std::uint8_t>(bytes, json);
    case DType::uint16: return append_whole<std::uint16_t>(bytes, json);
    case DType::uint32: return append_whole<std::uint32_t>(bytes, json);
    case DType::uint64: return append_whole<std::uint64_t>(bytes, json);
    default: throw Wrong(std::string(ortlet::name(dtype)) + " has no form in this suite");
  }
}

inline bool is_packed(DType dtype) { return dtype == DType::int4 || dtype == DType::uint4; }

// The memory of a tensor of numbers.
inline std::string memory(DType dtype, const Json &data) {
  std::string bytes;
  if (!is_packed(dtype)) {
    for (const Json &element : data) {
      append(bytes, dtype, element);
    }
    return bytes;
  }
  for (std::size_t at = 0; at < data.size(); ++at) {
    const int half = data[at].get<int>() & 0xF;
    if (at % 2 == 0) {
      bytes.push_back(static_cast<char>(half));
    } else {
      bytes.back() = static_cast<char>(bytes.back() | half << 4);
    }
  }
  return bytes;
}

// An element of a tensor, as a JSON number, truth value, or the text of a float that JSON does not have.
inline Json element(DType dtype, const unsigned char *bytes, std::size_t at) {
  const auto read = [&](auto value) {
    std::memcpy(&value, bytes + at * sizeof value, sizeof value);
    return value;
  };
  if (const FloatFormat *small = format(dtype)) {
    return small->number(small->bits() == 16 ? read(std::uint16_t()) : read(std::uint8_t()));
  }
  switch (dtype) {
    case DType::float32: return static_cast<double>(read(float()));
    case DType::float64: return read(double());
    case DType::boolean: return read(std::uint8_t()) != 0;
    case DType::int8: return read(std::int8_t());
    case DType::int16: return read(std::int16_t());
    case DType::int32: return read(std::int32_t());
    case DType::int64: return read(std::int64_t());
    case DType::uint8: return read(std::uint8_t());
    case DType::uint16: return read(std::uint16_t());
    case DType::uint32: return read(std::uint32_t());
    case DType::uint64: return read(std::uint64_t());
    case DType::uint4: return bytes[at / 2] >> (at % 2 * 4) & 0xF;
    case DType::int4: return static_cast<std::int8_t>(bytes[at / 2] >> (at % 2 * 4) << 4) >> 4;
    default: throw Wrong(std::string(ortlet::name(dtype)) + " has no form in this suite");
  }
}

inline std::size_t count(const ortlet::Shape &shape) {
  std::size_t count = 1;
  for (const std::size_t size : shape) {
    count *= size;
  }
  return count;
}

inline ortlet::Value tensor(const Json &json) {
  const DType own = dtype(json.at("dtype"));
  const ortlet::Shape shape = json.at("shape");
  if (own == DType::string) {
    return ortlet::Value::strings(json.at("data"), shape);
  }
  const std::string bytes = memory(own, json.at("data"));
  return ortlet::Value(ortlet::TensorView(own, bytes.data(), bytes.size(), shape));
}

inline ortlet::Value read(const Json &json) {
  if (json.contains("sequence")) {
    std::vector<ortlet::Value> elements;
    for (const Json &element : json["sequence"]) {
      elements.push_back(read(element));
    }
    return ortlet::Value::sequence({elements.begin(), elements.end()});
  }
  if (json.contains("map")) {
    return ortlet::Value::map(tensor(json["map"]["keys"]), tensor(json["map"]["values"]));
  }
  if (json.contains("optional")) {
    if (json["optional"].is_null()) {
      return ortlet::Value::optional(std::nullopt);
    }
    return ortlet::Value::optional(read(json["optional"]).view());
  }
  return tensor(json);
}

// A value that the case wrote right: what cannot be made is no error that the case may expect.
inline ortlet::Value surely_read(const Json &json) {
  try {
    return read(json);
  } catch (const ortlet::Error &error) {
    throw Wrong(std::string(error.what()) + " of " + json.dump());
  }
}

// Values by name, and a view of them as inputs.
class Named {
 public:
  explicit Named(const Json &json) {
    for (const auto &[name, value] : json.items()) {
      values_.push_back(surely_read(value));
      inputs_.emplace_back(name, values_.back());
    }
  }
  const ortlet::Inputs &inputs() const { return inputs_; }

 private:
  std::vector<ortlet::Value> values_;
  ortlet::Inputs inputs_;
};

inline bool is_near(double actual, double expected, double tolerance) {
  if (actual == expected || (std::isnan(actual) && std::isnan(expected))) {
    return true;
  }
  return std::isfinite(expected) && std::fabs(actual - expected) <= tolerance * std::fmax(1, std::fabs(expected));
}

// Whether an element is the expected one, which becomes a value of the type first.
inline bool is_equal(DType dtype, const Json &actual, const Json &expected, double tolerance) {
  if (!is_float(dtype)) {
    const std::string bytes = is_packed(dtype) ? std::string(1, static_cast<char>(expected.get<int>() & 0xF))
                                               : memory(dtype, Json::array({expected}));
    return actual == element(dtype, reinterpret_cast<const unsigned char *>(bytes.data()), 0);
  }
  const std::string bytes = memory(dtype, Json::array({expected}));
  const Json wanted = element(dtype, reinterpret_cast<const unsigned char *>(bytes.data()), 0);
  return is_near(actual.get<double>(), wanted.get<double>(), tolerance);
}

inline std::string shown(const ortlet::TensorView &tensor) {
  return std::string(ortlet::name(tensor.dtype())) + Json(tensor.shape()).dump();
}

inline void check_tensor(const ortlet::TensorView &actual, const Json &expected, double tolerance,
                         const std::function<Json(std::size_t)> &element_at) {
  const ortlet::Shape shape = expected.at("shape");
  if (actual.dtype() != dtype(expected.at("dtype")) || actual.shape() != shape) {
    throw Wrong("is " + shown(actual) + ", expected " + expected.dump());
  }
  const Json &data = expected.at("data");
  if (data.size() != count(shape)) {
    throw Wrong("has as many elements as its shape says, other than " + expected.dump());
  }
  for (std::size_t at = 0; at < data.size(); ++at) {
    const Json own = element_at(at), &wanted = data[at];
    const bool is_text = actual.dtype() == DType::string;
    if (is_text ? own != wanted : !is_equal(actual.dtype(), own, wanted, tolerance)) {
      throw Wrong("element " + std::to_string(at) + " is " + own.dump() + ", expected " + wanted.dump());
    }
  }
}

// A tensor of numbers in memory.
inline void check_numbers(const ortlet::TensorView &actual, const Json &expected, double tolerance) {
  const auto *bytes = static_cast<const unsigned char *>(actual.data());
  check_tensor(actual, expected, tolerance, [&](std::size_t at) { return element(actual.dtype(), bytes, at); });
}

inline void check(ortlet::ValueView actual, const Json &expected, double tolerance) {
  const ortlet::Kind kind = actual.kind();
  if (expected.contains("optional")) {
    if (expected["optional"].is_null()) {
      if (kind != ortlet::Kind::optional || actual.size() != 0) {
        throw Wrong("is something, expected nothing");
      }
      return;
    }
    return check(kind == ortlet::Kind::optional ? actual[0] : actual, expected["optional"], tolerance);
  }
  if (kind == ortlet::Kind::optional) {
    return check(actual[0], expected, tolerance);
  }
  if (expected.contains("sequence")) {
    const Json &elements = expected["sequence"];
    if (kind != ortlet::Kind::sequence || actual.size() != elements.size()) {
      throw Wrong("is of another kind or length than " + expected.dump());
    }
    for (std::size_t at = 0; at < elements.size(); ++at) {
      check(actual[at], elements[at], tolerance);
    }
  } else if (expected.contains("map")) {
    check(actual.keys(), expected["map"]["keys"], 0);
    check(actual.values(), expected["map"]["values"], tolerance);
  } else if (actual.tensor().dtype() == DType::string) {
    const std::vector<std::string_view> texts = actual.strings();
    check_tensor(actual.tensor(), expected, 0, [&](std::size_t at) { return std::string(texts[at]); });
  } else {
    check_numbers(actual.tensor(), expected, tolerance);
  }
}

}  // namespace values

#endif
