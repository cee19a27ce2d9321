// Bindings as the cases ask for them, and what they give.
#ifndef CONFORMANCE_BINDINGS_HPP
#define CONFORMANCE_BINDINGS_HPP

#include <cstring>
#include <string>
#include <vector>

#include "control.hpp"
#include "operations.hpp"
#include "outcomes.hpp"
#include "values.hpp"

// Memory of the caller's for an input or output.
struct Memory {
  std::string name;
  ortlet::DType dtype;
  ortlet::Shape shape;
  std::string bytes;
};

inline std::vector<Memory> memories(const Json &one) {
  std::vector<Memory> all;
  for (const auto &[name, json] : member(one, "memory").items()) {
    const ortlet::DType dtype = values::dtype(json.at("dtype"));
    const ortlet::Shape shape = json.at("shape");
    const Json zero = dtype == ortlet::DType::boolean ? Json(false) : Json(0);
    all.push_back({name, dtype, shape, values::memory(dtype, Json::array_t(values::count(shape), zero))});
  }
  return all;
}

inline void bound_run(ortlet::Binding &binding, const Json &step) {
  for (const auto &[name, json] : member(step, "set").items()) {
    const ortlet::MutableTensorView input = binding.input(name);
    const ortlet::DType dtype = values::dtype(json.at("dtype"));
    const std::string bytes = values::memory(dtype, json.at("data"));
    if (dtype != input.dtype() || json.at("shape").get<ortlet::Shape>() != input.shape() ||
        bytes.size() != input.size_bytes()) {
      throw Wrong("input `" + name + "` is bound otherwise than it is set");
    }
    std::memcpy(input.data(), bytes.data(), bytes.size());
  }
  binding.run(Control(member(step, "run_options")).options());
}

inline void check_bound_output(const ortlet::TensorView &output, const Json &expected, double tolerance) {
  if (output.dtype() == ortlet::DType::string) {
    throw Skipped("texts of a binding cannot be read in C");
  }
  values::check_numbers(output, expected, tolerance);
}

// A binding has all outputs of its session.
inline void check_bound_outputs(ortlet::Binding &binding, const ortlet::Session &session, const Json &expect) {
  if (!expect.contains("outputs")) {
    return;
  }
  const Json &expected = expect["outputs"];
  const std::vector<ortlet::ValueInfo> infos = session.outputs();
  for (const ortlet::ValueInfo &info : infos) {
    if (!expected.contains(info.name)) {
      throw Wrong("output `" + info.name + "` is not expected");
    }
    try {
      check_bound_output(binding.output(info.name), expected[info.name], expect.value("tolerance", 0.0));
    } catch (const Wrong &wrong) {
      throw Wrong("output `" + info.name + "` " + wrong.what());
    }
  }
  if (infos.size() != expected.size()) {
    throw Wrong("there are " + std::to_string(infos.size()) + " outputs, expected " + expected.dump());
  }
}

// The binding that a case asks for; `memory` has to outlast it.
inline ortlet::Binding binding_of(const ortlet::Session &session, const Json &one, std::vector<Memory> &memory) {
  ortlet::Binder binder = session.binder();
  for (const auto &[name, shape] : member(one, "shapes").items()) {
    binder.shape(name, shape);
  }
  for (Memory &each : memory) {
    binder.memory(each.name, {each.dtype, each.bytes.data(), each.bytes.size(), each.shape});
  }
  for (const Json &tie : member(one, "ties")) {
    binder.tie(tie.at("output"), tie.at("input"));
  }
  return binder.bind();
}

inline void make_step(ortlet::Binding &binding, const ortlet::Session &session, const Json &step) {
  const Json &expect = member(step, "expect");
  judge(
      expect,
      [&] {
        bound_run(binding, step);
        return true;
      },
      [&](bool) { check_bound_outputs(binding, session, expect); });
}

// After the last step the caller's memory holds the outputs that were expected last.
inline void check_memory(const std::vector<Memory> &memory, const Json &steps) {
  Json last = Json::object();
  for (const Json &step : steps) {
    last = member(step, "expect").value("outputs", last);
  }
  for (const Memory &each : memory) {
    if (last.contains(each.name)) {
      values::check_numbers({each.dtype, each.bytes.data(), each.bytes.size(), each.shape}, last[each.name], 0);
    }
  }
}

// Makes the binding of a case and its steps.
inline void check_binding(const ortlet::Session &session, const Json &one) {
  std::vector<Memory> memory = memories(one);
  ortlet::Binding binding = binding_of(session, one, memory);
  const Json &steps = member(one, "steps");
  std::size_t number = 0;
  for (const Json &step : steps) {
    try {
      make_step(binding, session, step);
    } catch (const Wrong &wrong) {
      throw Wrong("step " + std::to_string(number) + ": " + wrong.what());
    }
    ++number;
  }
  check_memory(memory, steps);
}

#endif
