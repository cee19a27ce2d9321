// What operations gave, compared with what is expected.
#ifndef CONFORMANCE_OUTCOMES_HPP
#define CONFORMANCE_OUTCOMES_HPP

#include <optional>
#include <string>

#include "codes.hpp"
#include "facts.hpp"
#include "values.hpp"

// What an operation gave.
struct Outcome {
  std::optional<ortlet::Outputs> outputs;
  Json json, report, model;
  std::string text;
};

inline void check_outputs(const ortlet::Outputs &outputs, const Json &expected, double tolerance) {
  for (std::size_t at = 0; at < outputs.size(); ++at) {
    const auto [name, value] = outputs.at(at);
    if (!expected.contains(name)) {
      throw Wrong("output `" + name + "` is not expected");
    }
    try {
      values::check(value, expected[name], tolerance);
    } catch (const Wrong &wrong) {
      throw Wrong("output `" + name + "` " + wrong.what());
    }
  }
  if (outputs.size() != expected.size()) {
    throw Wrong("there are " + std::to_string(outputs.size()) + " outputs, expected " + expected.dump());
  }
}

inline void check_outcome(const Outcome &outcome, const Json &expect) {
  if (expect.contains("outputs")) {
    if (!outcome.outputs) {
      throw Wrong("nothing was run");
    }
    check_outputs(*outcome.outputs, expect["outputs"], expect.value("tolerance", 0.0));
  }
  if (expect.contains("output_names")) {
    Json names = Json::array();
    for (std::size_t at = 0; outcome.outputs && at < outcome.outputs->size(); ++at) {
      names.push_back(outcome.outputs->at(at).first);
    }
    if (names != expect["output_names"]) {
      throw Wrong("outputs are " + names.dump() + ", expected " + expect["output_names"].dump());
    }
  }
  facts::check("json", outcome.json, member(expect, "json"));
  facts::check("report", outcome.report, member(expect, "report"));
  facts::check("model", outcome.model, member(expect, "model"));
  for (const std::string line : member(expect, "lines")) {
    if (("\n" + outcome.text).find("\n" + line + "\n") == std::string::npos) {
      throw Wrong("the line `" + line + "` is not in\n" + outcome.text);
    }
  }
}

// Does something and compares its outcome, or its error, with what is expected.
template <class Work, class Check>
void judge(const Json &expect, Work work, Check check) {
  try {
    const auto outcome = work();
    if (expect.contains("error")) {
      throw Wrong("succeeds, expected the error " + expect["error"].dump());
    }
    check(outcome);
  } catch (const ortlet::Error &error) {
    if (!expect.contains("error")) {
      throw Wrong(std::string("fails: ") + error.what());
    }
    codes::check_error(error, expect["error"]);
  }
}

#endif
