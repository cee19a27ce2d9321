// Declared inputs and outputs as the suite writes them.
#ifndef CONFORMANCE_TYPES_HPP
#define CONFORMANCE_TYPES_HPP

#include <cctype>
#include <string>

#include "facts.hpp"

namespace types {

// Reads a type in words: `sequence(map(string, float32[batch, ?]))`.
class Reader {
 public:
  explicit Reader(const std::string &text) : text_(text) {}

  Json type() {
    const std::string word = read_word();
    if (word == "sequence" || word == "optional") {
      return {{"kind", word}, {"element", in_brackets([&] { return type(); })}};
    }
    if (word == "map") {
      return in_brackets([&] {
        const std::string key = read_word();
        skip(", ");
        return Json{{"kind", "map"}, {"key", key}, {"value", type()}};
      });
    }
    return {{"kind", "tensor"}, {"dtype", word}, {"shape", shape()}};
  }

 private:
  std::string read_word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && std::string("([])").find(text_[at_]) == std::string::npos && text_[at_] != ',') {
      ++at_;
    }
    return text_.substr(start, at_ - start);
  }

  void skip(const std::string &expected) {
    if (text_.compare(at_, expected.size(), expected) != 0) {
      throw Wrong("no `" + expected + "` at " + std::to_string(at_) + " of " + text_);
    }
    at_ += expected.size();
  }

  template <class Inside>
  Json in_brackets(Inside inside) {
    skip("(");
    const Json json = inside();
    skip(")");
    return json;
  }

  Json shape() {
    skip("[");
    Json dims = Json::array();
    while (text_[at_] != ']') {
      const std::string word = read_word();
      if (word == "...") {
        dims = nullptr;
      } else if (word == "?") {
        dims.push_back(nullptr);
      } else {
        dims.push_back(std::isdigit(static_cast<unsigned char>(word[0])) != 0 ? Json(std::stoull(word)) : Json(word));
      }
      if (text_[at_] == ',') {
        skip(", ");
      }
    }
    skip("]");
    return dims;
  }

  const std::string &text_;
  std::size_t at_ = 0;
};

// The type by the fields of a tensor's description, which have to agree with the words.
inline void check_fields(const ortlet::ValueInfo &info, const Json &type) {
  Json shape = nullptr;
  if (info.shape) {
    shape = Json::array();
    for (std::size_t at = 0; at < info.shape->size(); ++at) {
      const std::int64_t size = (*info.shape)[at];
      const std::string &symbol = info.symbols[at];
      shape.push_back(size >= 0 ? Json(size) : symbol.empty() ? Json(nullptr) : Json(symbol));
    }
  }
  if (type["kind"] == "tensor" && (type["dtype"] != ortlet::name(info.dtype) || type["shape"] != shape)) {
    throw Wrong("`" + info.name + "` is described as " + shape.dump() + " and as " + type.dump());
  }
}

inline Json described(const std::vector<ortlet::ValueInfo> &infos) {
  Json all = Json::array();
  for (const ortlet::ValueInfo &info : infos) {
    Json type = Reader(info.type).type();
    check_fields(info, type);
    type["name"] = info.name;
    all.push_back(std::move(type));
  }
  return all;
}

}  // namespace types

#endif
