// Runs the conformance suite by way of the C++ interface.
//
//   conformance SUITE SCRATCH [CASE]      (the folder tests/conformance, one for files, and a case to run alone)
//
// The specification is tests/conformance/README.md. A case that asks for a process of its own gets one: this program
// again, with the case's name.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "operations.hpp"

namespace {

struct Suite {
  std::filesystem::path folder;
  std::filesystem::path scratch;
  std::vector<Json> cases;
};

// Fields that a case may have.
const std::set<std::string> kFields = {
    "name",   "operation",    "why",         "may_skip",     "process",  "environment",  "prepare", "fixture",
    "path",   "bytes",        "options",     "inputs",       "run_options", "runs",      "busy",    "shapes",
    "memory", "ties",         "steps",       "samples",      "mode",     "tool_options", "load_options",
    "artifact", "run_count",  "session_name", "expect",
};

Suite read_suite(const char *folder, const char *scratch) {
  Suite suite{folder, scratch, {}};
  for (const auto &entry : std::filesystem::directory_iterator(suite.folder)) {
    if (entry.path().extension() == ".json") {
      std::ifstream file(entry.path());
      const Json content = Json::parse(file);
      const Json &cases = content.at("cases");
      suite.cases.insert(suite.cases.end(), cases.begin(), cases.end());
    }
  }
  std::sort(suite.cases.begin(), suite.cases.end(),
            [](const Json &a, const Json &b) { return a.at("name") < b.at("name"); });
  return suite;
}

// Runs a case in this process.
void run_here(const Suite &suite, const Json &one) {
  for (const auto &[field, value] : one.items()) {
    if (kFields.count(field) == 0) {
      throw Wrong("there is no field `" + field + "`");
    }
  }
  run_case(one, Places(suite.folder, suite.scratch, one.at("name")));
}

// Runs a case in a process of its own.
void run_fresh(const Suite &suite, const Json &one) {
  const std::string name = one.at("name");
  const Places places(suite.folder, suite.scratch, name);
  const pid_t child = fork();
  if (child == 0) {
    unsetenv("ORTLET_CACHE");
    for (const auto &[variable, value] : member(one, "environment").items()) {
      value.is_null() ? unsetenv(variable.c_str()) : setenv(variable.c_str(), places.fill(value).c_str(), 1);
    }
    // By its name, because valgrind runs programs that it does not otherwise find.
    const std::string program = std::filesystem::read_symlink("/proc/self/exe");
    execl(program.c_str(), program.c_str(), suite.folder.c_str(), suite.scratch.c_str(), name.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw Wrong("fails in a process of its own, as told above");
  }
}

// Runs one case and tells what came of it: 'p'assed, 'f'ailed or 's'kipped.
char run_one(const Suite &suite, const Json &one, bool is_alone) {
  const std::string name = one.at("name");
  try {
    one.value("process", "") == "fresh" && !is_alone ? run_fresh(suite, one) : run_here(suite, one);
    return 'p';
  } catch (const Skipped &reason) {
    std::printf("skipped %s: %s\n", name.c_str(), reason.what());
    return one.contains("may_skip") ? 's' : 'f';
  } catch (const std::exception &error) {
    std::printf("FAILED %s: %s\n", name.c_str(), error.what());
    return 'f';
  }
}

// The codes that a case expects, in its runs and steps too.
void add_codes(const Json &json, std::set<std::string> &codes) {
  if (json.is_object() && json.contains("expect") && json["expect"].contains("error")) {
    codes.insert(json["expect"]["error"].at("code"));
  }
  for (const char *part : {"runs", "steps"}) {
    for (const Json &each : member(json, part)) {
      add_codes(each, codes);
    }
  }
}

int run_all(const Suite &suite) {
  std::size_t passed = 0, failed = 0, skipped = 0;
  std::set<std::string> codes;
  for (const Json &one : suite.cases) {
    switch (run_one(suite, one, false)) {
      case 'p':
        ++passed;
        add_codes(one, codes);
        break;
      case 's':
        ++skipped;
        break;
      default:
        ++failed;
    }
  }
  if (codes.size() != ORTLET_INTERNAL - 1) {
    std::printf("FAILED: only %zu of the error codes have a case\n", codes.size());
    ++failed;
  }
  std::printf("%zu passed, %zu failed, %zu skipped\n", passed, failed, skipped);
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: conformance SUITE SCRATCH [CASE]\n");
    return 2;
  }
  // What is printed here and by processes of single cases stays in order.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Suite suite = read_suite(argv[1], argv[2]);
  if (argc == 3) {
    unsetenv("ORTLET_CACHE");
    return run_all(suite);
  }
  for (const Json &one : suite.cases) {
    if (one.at("name") == argv[3]) {
      return run_one(suite, one, true) == 'p' ? 0 : 1;
    }
  }
  std::fprintf(stderr, "there is no case %s\n", argv[3]);
  return 2;
}
