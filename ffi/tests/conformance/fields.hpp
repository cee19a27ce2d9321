// The fields that files, cases and their parts may have. One that is not known is a mistake in the case: what it asks
// for would not be looked at.
#ifndef CONFORMANCE_FIELDS_HPP
#define CONFORMANCE_FIELDS_HPP

#include <set>
#include <string>

#include "facts.hpp"

namespace fields {

using Names = std::set<std::string>;

inline void check(const std::string &what, const Json &object, const Names &known) {
  if (!object.is_object()) {
    throw Wrong("`" + what + "` is no object");
  }
  for (const auto &[name, value] : object.items()) {
    if (known.count(name) == 0) {
      throw Wrong("`" + what + "` has no field `" + name + "`");
    }
  }
}

inline void check_expect(const Json &expect) {
  check("expect", expect, {"outputs", "output_names", "tolerance", "error", "json", "report", "model", "lines"});
  check("error", member(expect, "error"), {"code", "details", "message_contains"});
}

// What cases, runs and steps have in common.
inline void check_run(const Json &run) {
  check("run_options", member(run, "run_options"), {"outputs", "deadline_ns", "cancelled", "cancel_after_ns"});
  check_expect(member(run, "expect"));
}

inline void check_preparation(const Json &preparation) {
  check("prepare", preparation, {"compile", "load", "copy", "write", "damage", "cut"});
  if (preparation.size() != 1) {
    throw Wrong("`prepare` has another number of fields than one: " + preparation.dump());
  }
  check("compile", member(preparation, "compile"), {"fixture", "to"});
  check("load", member(preparation, "load"), {"path", "options"});
  check("copy", member(preparation, "copy"), {"fixture", "to"});
  check("write", member(preparation, "write"), {"to", "bytes"});
  check("damage", member(preparation, "damage"), {"file", "offset", "xor"});
  check("cut", member(preparation, "cut"), {"file", "length"});
}

inline void check_case(const Json &one) {
  check("case", one,
        {"name",         "operation",    "why",      "may_skip",  "process",      "environment", "prepare",
         "fixture",      "path",         "bytes",    "options",   "inputs",       "run_options", "runs",
         "busy",         "shapes",       "memory",   "ties",      "steps",        "samples",     "mode",
         "tool_options", "load_options", "artifact", "run_count", "session_name", "expect"});
  check_run(one);
  for (const Json &preparation : member(one, "prepare")) {
    check_preparation(preparation);
  }
  for (const Json &run : member(one, "runs")) {
    check("runs", run, {"inputs", "run_options", "expect"});
    check_run(run);
  }
  for (const Json &step : member(one, "steps")) {
    check("steps", step, {"set", "run_options", "expect"});
    check_run(step);
  }
  for (const Json &memory : member(one, "memory")) {
    check("memory", memory, {"dtype", "shape"});
  }
  for (const Json &tie : member(one, "ties")) {
    check("ties", tie, {"output", "input"});
  }
}

}  // namespace fields

#endif
