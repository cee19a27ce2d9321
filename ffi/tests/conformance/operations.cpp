// What the cases ask for, done by the C++ interface.

#include "operations.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "bindings.hpp"
#include "control.hpp"
#include "outcomes.hpp"
#include "types.hpp"
#include "values.hpp"

namespace {

Json run_options(const Json &one) { return member(one, "run_options"); }

ortlet::Outputs run(const ortlet::Session &session, const Json &inputs, const Json &options) {
  const values::Named named(inputs);
  return session.run(named.inputs(), Control(options).options());
}

std::optional<ortlet::Outputs> run_inputs(const ortlet::Session &session, const Json &one) {
  if (!one.contains("inputs")) {
    return std::nullopt;
  }
  return run(session, one["inputs"], run_options(one));
}

Json expectation(const Json &one) { return member(one, "expect"); }

void make_runs(const ortlet::Session &session, const Json &one) {
  std::size_t number = 0;
  for (const Json &each : member(one, "runs")) {
    try {
      judge(
          expectation(each),
          [&] { return Outcome{run(session, each.at("inputs"), run_options(each)), {}, {}, {}, {}}; },
          [&](const Outcome &outcome) { check_outcome(outcome, expectation(each)); });
    } catch (const Wrong &wrong) {
      throw Wrong("run " + std::to_string(number) + ": " + wrong.what());
    }
    ++number;
  }
}

std::unique_ptr<ortlet::Samples> samples(const Json &one) {
  auto all = std::make_unique<ortlet::Samples>();
  for (const Json &batch : member(one, "samples")) {
    all->add(values::Named(batch).inputs());
  }
  return all;
}

// The samples of a case; none if it has none, so that those of the options are taken.
ortlet::Hooks hooks(const ortlet::Samples &samples) {
  ortlet::Hooks hooks;
  hooks.samples = samples.size() > 0 ? &samples : nullptr;
  return hooks;
}

ortlet::Session session(const Json &one, const Places &places) {
  ortlet::Session session = [&] {
    if (one["operation"] == "load_bytes") {
      const std::string bytes = places.bytes(one);
      return ortlet::Session::from_bytes(bytes.data(), bytes.size(), places.options(one, "options"));
    }
    if (one.contains("samples")) {
      const auto batches = samples(one);
      return ortlet::Session::load(places.model(one), places.tool_options(one), hooks(*batches));
    }
    return ortlet::Session(places.model(one), places.options(one, "options"));
  }();
  make_runs(session, one);
  return session;
}

Outcome load(const Json &one, const Places &places) {
  const ortlet::Session own = session(one, places);
  Outcome outcome;
  outcome.outputs = run_inputs(own, one);
  outcome.json = Json::parse(own.report());
  return outcome;
}

Outcome run_once(const Json &one, const Places &places) {
  Outcome outcome;
  outcome.outputs = run_inputs(session(one, places), one);
  return outcome;
}

Outcome run_async(const Json &one, const Places &places) {
  const ortlet::Session own = session(one, places);
  const values::Named inputs(member(one, "inputs"));
  const Control control(run_options(one));
  Outcome outcome;
  outcome.outputs = own.run_async(inputs.inputs(), control.options()).get();
  return outcome;
}

std::size_t runs_in_flight(const ortlet::Session &session) {
  return Json::parse(session.metrics())["metrics"]["in_flight_count"];
}

void wait_for_run(const ortlet::Session &session) {
  for (int waited_ms = 0; runs_in_flight(session) == 0; ++waited_ms) {
    if (waited_ms == 60000) {
      throw Wrong("the busy run does not begin");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

Outcome run_while_busy(const Json &one, const Places &places) {
  const ortlet::Session own = session(one, places);
  const values::Named busy(one.at("busy"));
  const ortlet::CancelToken stop;
  bool was_cancelled = false;
  std::thread other([&] {
    ortlet::RunOptions options;
    options.cancel = &stop;
    try {
      own.run(busy.inputs(), options);
    } catch (const ortlet::Error &error) {
      was_cancelled = error.code() == ortlet::ErrorCode::cancelled;
    }
  });
  const auto end = [&] {
    stop.cancel();
    other.join();
  };
  Outcome outcome;
  try {
    wait_for_run(own);
    outcome.outputs = run_inputs(own, one);
  } catch (...) {
    end();
    throw;
  }
  end();
  if (!was_cancelled) {
    throw Wrong("the busy run was not cancelled");
  }
  return outcome;
}

Outcome bind(const Json &one, const Places &places) {
  check_binding(session(one, places), one);
  return {};
}

Outcome session_info(const Json &one, const Places &places) {
  const ortlet::Session own = session(one, places);
  Outcome outcome;
  outcome.json = {{"inputs", types::described(own.inputs())},
                  {"outputs", types::described(own.outputs())},
                  {"overridable_initializers", types::described(own.overridable_initializers())}};
  return outcome;
}

Outcome metrics(const Json &one, const Places &places) {
  Outcome outcome;
  outcome.json = Json::parse(session(one, places).metrics())["metrics"];
  return outcome;
}

Outcome metrics_text(const Json &one, const Places &places) {
  const ortlet::Session own = session(one, places);
  Outcome outcome;
  outcome.text = ortlet::metrics_text({{one.at("session_name").get<std::string>(), &own}});
  return outcome;
}

Outcome model_report(const Json &one, const Places &places) {
  const ortlet::Model model = [&] {
    if (one["operation"] == "model_report") {
      return ortlet::Model::open(places.model(one));
    }
    const std::string bytes = places.bytes(one);
    return ortlet::Model::parse(bytes.data(), bytes.size());
  }();
  Outcome outcome;
  outcome.json = Json::parse(model.report());
  return outcome;
}

// Options of a session as those of a choice of precision.
std::string only_session(const Json &one, const Places &places) {
  return Json{{"session", places.fill_all(member(one, "options"))}}.dump();
}

// What was made of a model, and a run of it.
Outcome of_made(const ortlet::Made &made, const Json &one, const std::string &options) {
  Outcome outcome;
  outcome.json = Json::parse(made.report);
  outcome.model = Json::parse(made.model.report());
  outcome.outputs = run_inputs(ortlet::Session::from_model(made.model, options), one);
  return outcome;
}

Outcome quantize(const Json &one, const Places &places) {
  const ortlet::Model model = ortlet::Model::open(places.model(one));
  const std::string session_options = only_session(one, places);
  std::optional<ortlet::Calibration> calibration;
  if (one.contains("samples")) {
    const auto batches = samples(one);
    calibration = ortlet::calibrate(model, hooks(*batches), session_options);
  }
  const ortlet::Made made = ortlet::quantize(model, one.at("mode"), places.options(one, "tool_options"),
                                             calibration ? &*calibration : nullptr);
  return of_made(made, one, session_options);
}

// What a tool says, and a session of what it left.
Outcome of_tool(const std::string &said, const ortlet::Session &session, const Json &one) {
  Outcome outcome;
  outcome.json = Json::parse(said);
  outcome.outputs = run_inputs(session, one);
  outcome.report = Json::parse(session.report());
  return outcome;
}

Outcome compile(const Json &one, const Places &places) {
  const std::string artifact = places.fill(one.value("artifact", "{temp}/model.ortlet"));
  const auto batches = samples(one);
  const std::string report =
      ortlet::compile(places.model(one), artifact, only_session(one, places), hooks(*batches));
  const char *options = one.contains("load_options") ? "load_options" : "options";
  return of_tool(report, ortlet::Session(artifact, places.options(one, options)), one);
}

Outcome tune(const Json &one, const Places &places) {
  const auto batches = samples(one);
  ortlet::Hooks given;
  given.samples = batches.get();
  const std::string plan = ortlet::tune(places.model(one), given, places.tool_options(one));
  return of_tool(plan, ortlet::Session(places.model(one), places.options(one, "options")), one);
}

Outcome precision(const Json &one, const Places &places) {
  const auto batches = samples(one);
  const ortlet::Made made = ortlet::choose_precision(places.model(one), places.tool_options(one), hooks(*batches));
  return of_made(made, one, {});
}

Outcome profile(const Json &one, const Places &places) {
  const values::Named inputs(one.at("inputs"));
  Outcome outcome;
  outcome.json = Json::parse(ortlet::profile(places.model(one), inputs.inputs(),
                                             one.value("run_count", std::uint64_t{0}),
                                             places.options(one, "options")));
  return outcome;
}

Outcome doctor(const Json &one, const Places &places) {
  const Json options = places.fill_all(member(one, "options"));
  Outcome outcome;
  outcome.json = Json::parse(ortlet::doctor(member(options, "runtime").dump()));
  return outcome;
}

Outcome panic(const Json &, const Places &) {
  throw Skipped("C and C++ have no way to make code inside of the library panic");
}

using Operation = Outcome (*)(const Json &, const Places &);

Operation operation(const std::string &name) {
  static const std::pair<const char *, Operation> kOperations[] = {
      {"load", load},
      {"load_bytes", load},
      {"run", run_once},
      {"run_async", run_async},
      {"run_while_busy", run_while_busy},
      {"bind", bind},
      {"session_info", session_info},
      {"metrics", metrics},
      {"metrics_text", metrics_text},
      {"model_report", model_report},
      {"model_report_bytes", model_report},
      {"quantize", quantize},
      {"compile", compile},
      {"tune", tune},
      {"precision", precision},
      {"profile", profile},
      {"doctor", doctor},
      {"panic", panic},
  };
  for (const auto &[own, function] : kOperations) {
    if (name == own) {
      return function;
    }
  }
  throw Wrong("no operation is called " + name);
}

}  // namespace

void run_case(const Json &one, const Places &places) {
  try {
    places.prepare(member(one, "prepare"));
  } catch (const ortlet::Error &error) {
    // Never the one that the case expects.
    throw Wrong(std::string("cannot be prepared: ") + error.what());
  }
  const Json expect = expectation(one);
  judge(
      expect, [&] { return operation(one.at("operation"))(one, places); },
      [&](const Outcome &outcome) { check_outcome(outcome, expect); });
}
