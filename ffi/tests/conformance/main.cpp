// Runs the conformance suite by way of the C++ interface.
//
//   conformance SUITE SCRATCH [CASE]      (the folder tests/conformance, one for files, and a case to run alone)
//
// The specification is tests/conformance/README.md. A case that asks for a process of its own gets one: this program
// again, with the case's name, and a variable that says that it is this process.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "codes.hpp"
#include "fields.hpp"
#include "operations.hpp"

namespace {

struct Suite {
  std::filesystem::path folder;
  std::filesystem::path scratch;
  std::vector<Json> cases;
};

// Is set in a process that one case has for itself.
constexpr const char *kOwnProcess = "ORTLET_CONFORMANCE_OWN_PROCESS";

Suite read_suite(const char *folder, const char *scratch) {
  Suite suite{folder, scratch, {}};
  for (const auto &entry : std::filesystem::directory_iterator(suite.folder)) {
    if (entry.path().extension() == ".json") {
      std::ifstream file(entry.path());
      const Json content = Json::parse(file);
      fields::check(entry.path().filename().string(), content, {"about", "cases"});
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
  fields::check_case(one);
  run_case(one, Places(suite.folder, suite.scratch, one.at("name")));
}

// Runs a case in a process of its own.
void run_fresh(const Suite &suite, const Json &one) {
  const std::string name = one.at("name");
  const Places places(suite.folder, suite.scratch, name);
  const pid_t child = fork();
  if (child == 0) {
    setenv(kOwnProcess, "", 1);
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
char run_one(const Suite &suite, const Json &one) {
  const std::string name = one.at("name");
  try {
    one.value("process", "") == "fresh" && std::getenv(kOwnProcess) == nullptr ? run_fresh(suite, one) : run_here(suite, one);
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

// Says which codes no case expects that ran, and gives their number. C has no means for `internal`, which is a panic.
std::size_t count_missing(std::set<std::string> codes) {
  codes.insert("internal");
  std::size_t missing = 0;
  for (const auto &[name, code] : codes::all()) {
    if (codes.count(name) == 0) {
      std::printf("FAILED: no case that ran expects the error %s\n", name.c_str());
      ++missing;
    }
  }
  return missing;
}

// Runs all cases, or the one of this name.
int run_all(const Suite &suite, const char *only) {
  std::map<char, std::size_t> counts;
  std::set<std::string> codes;
  for (const Json &one : suite.cases) {
    if (only != nullptr && one.at("name") != only) {
      continue;
    }
    const char result = run_one(suite, one);
    ++counts[result];
    if (result != 's') {
      add_codes(one, codes);
    }
  }
  if (counts.empty()) {
    std::fprintf(stderr, "there is no such case\n");
    return 2;
  }
  counts['f'] += only == nullptr ? count_missing(codes) : 0;
  // A process of a single case leaves the counting to the one that started it.
  if (std::getenv(kOwnProcess) == nullptr) {
    std::printf("%zu passed, %zu failed, %zu skipped\n", counts['p'], counts['f'], counts['s']);
  }
  return counts['f'] == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: conformance SUITE SCRATCH [CASE]\n");
    return 2;
  }
  // What is printed here and by processes of single cases stays in order.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  // A process of a single case may have been given a cache.
  if (std::getenv(kOwnProcess) == nullptr) {
    unsetenv("ORTLET_CACHE");
  }
  try {
    return run_all(read_suite(argv[1], argv[2]), argc == 4 ? argv[3] : nullptr);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s cannot be read: %s\n", argv[1], error.what());
    return 2;
  }
}
