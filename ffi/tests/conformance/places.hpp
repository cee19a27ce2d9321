// Where the files of a case lie, and the files that are made before it.
#ifndef CONFORMANCE_PLACES_HPP
#define CONFORMANCE_PLACES_HPP

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "facts.hpp"

class Places {
 public:
  // Those of a case, with a fresh folder for what it writes.
  Places(const std::filesystem::path &suite, const std::filesystem::path &scratch, const std::string &name)
      : fixtures_(suite / "fixtures"), temp_(scratch / name) {
    std::filesystem::remove_all(temp_);
    std::filesystem::create_directories(temp_);
  }

  // A text with the names of folders in it.
  std::string fill(std::string text) const {
    const char *const runtimes = std::getenv("ORTLET_TEST_RUNTIMES");
    replace(text, "{fixtures}", fixtures_.string());
    replace(text, "{temp}", temp_.string());
    replace(text, "{runtimes}", runtimes != nullptr ? runtimes : "");
    return text;
  }

  Json fill_all(const Json &json) const {
    if (json.is_string()) {
      return fill(json);
    }
    Json filled = json;
    if (json.is_structured()) {
      for (const auto &[key, value] : json.items()) {
        filled.is_array() ? filled[std::stoul(key)] = fill_all(value) : filled[key] = fill_all(value);
      }
    }
    return filled;
  }

  // The file that a case is about.
  std::string model(const Json &one) const {
    return one.contains("path") ? fill(one["path"]) : (fixtures_ / one.at("fixture").get<std::string>()).string();
  }

  // The bytes that a case is about.
  std::string bytes(const Json &one) const { return one.contains("bytes") ? hex(one["bytes"]) : read(model(one)); }

  // Options as text; none if there are none.
  std::string options(const Json &one, const char *key) const {
    return one.contains(key) && !one[key].is_null() ? fill_all(one[key]).dump() : std::string();
  }

  // Options of a tool, with those of the session in them.
  std::string tool_options(const Json &one) const {
    Json options = fill_all(member(one, "tool_options"));
    if (one.contains("options")) {
      options["session"] = fill_all(one["options"]);
    }
    return options.dump();
  }

  void prepare(const Json &steps) const {
    for (const Json &step : steps) {
      const std::string &what = step.begin().key();
      prepare_one(what, step.begin().value());
    }
  }

 private:
  void prepare_one(const std::string &what, const Json &step) const {
    if (what == "compile") {
      ortlet::compile(model(step), fill(step.at("to")));
    } else if (what == "load") {
      ortlet::Session(fill(step.at("path")), options(step, "options"));
    } else if (what == "copy") {
      write(fill(step.at("to")), read(model(step)));
    } else if (what == "write") {
      write(fill(step.at("to")), hex(step.at("bytes")));
    } else if (what == "damage" || what == "cut") {
      const std::string path = fill(step.at("file"));
      std::string bytes = read(path);
      if (what == "cut") {
        bytes.resize(step.at("length"));
      } else {
        char &byte = bytes.at(step.at("offset"));
        byte = static_cast<char>(byte ^ step.at("xor").get<int>());
      }
      // Artifacts cannot be written to.
      std::filesystem::remove(path);
      write(path, bytes);
    } else {
      throw Wrong("no preparation is called " + what);
    }
  }

  static void replace(std::string &text, const std::string &name, const std::string &folder) {
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + folder.size())) {
      text.replace(at, name.size(), folder);
    }
  }

  static std::string hex(const std::string &digits) {
    std::string bytes;
    for (std::size_t at = 0; at + 1 < digits.size(); at += 2) {
      bytes.push_back(static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16)));
    }
    return bytes;
  }

  static std::string read(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      throw Wrong("cannot read " + path);
    }
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static void write(const std::string &path, const std::string &bytes) {
    std::ofstream file(path, std::ios::binary);
    file << bytes;
    if (!file.flush()) {
      throw Wrong("cannot write " + path);
    }
  }

  std::filesystem::path fixtures_;
  std::filesystem::path temp_;
};

#endif
