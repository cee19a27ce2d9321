// Facts of JSON reports, each named by a JSON pointer.
#ifndef CONFORMANCE_FACTS_HPP
#define CONFORMANCE_FACTS_HPP

#include <nlohmann/json.hpp>
#include <ortlet/ortlet.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

using Json = nlohmann::json;

// Something is not as the case says.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A member of an object that lasts as long as the object; an empty one if there is none.
inline const Json &member(const Json &object, const char *name) {
  static const Json kNone = Json::object();
  const auto found = object.find(name);
  return found != object.end() ? *found : kNone;
}

namespace facts {

// Equal, and numbers by their value: 1 is 1.0. That is how nlohmann::json compares too.
inline bool same(const Json &actual, const Json &expected) { return actual == expected; }

inline std::string kind(const Json &value) { return value.is_number() ? "number" : value.type_name(); }

inline bool contains(const Json &actual, const Json &part) {
  if (actual.is_string()) {
    return actual.get<std::string>().find(part.get<std::string>()) != std::string::npos;
  }
  return actual.is_array() &&
         std::any_of(actual.begin(), actual.end(), [&](const Json &element) { return same(element, part); });
}

inline bool has(const Json &actual, const std::string &name, const Json &operand) {
  if (name == "$type") {
    return operand == kind(actual);
  }
  if (name == "$at_least") {
    return actual.is_number() && actual >= operand;
  }
  if (name == "$at_most") {
    return actual.is_number() && actual <= operand;
  }
  if (name == "$length") {
    return actual.is_structured() && actual.size() == operand.get<std::size_t>();
  }
  if (name == "$contains") {
    return contains(actual, operand);
  }
  throw Wrong("there is no property " + name);
}

inline bool holds(const Json *actual, const Json &expected) {
  if (expected.is_object() && expected.size() == 1 && expected.begin().key()[0] == '$') {
    const std::string &name = expected.begin().key();
    const Json &operand = expected.begin().value();
    return name == "$present" ? operand == (actual != nullptr) : actual != nullptr && has(*actual, name, operand);
  }
  return actual != nullptr && same(*actual, expected);
}

// Throws unless every fact is so. `what` is what the report is called.
inline void check(const std::string &what, const Json &report, const Json &facts) {
  for (const auto &[pointer, expected] : facts.items()) {
    const Json::json_pointer at(pointer);
    const Json *actual = report.contains(at) ? &report.at(at) : nullptr;
    if (!holds(actual, expected)) {
      throw Wrong(what + " " + pointer + " is " + (actual != nullptr ? actual->dump() : "absent") + ", expected " +
                  expected.dump() + "\nof " + report.dump());
    }
  }
}

}  // namespace facts

#endif
