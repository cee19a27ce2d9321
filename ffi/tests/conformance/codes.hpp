// The error codes by the names that the suite calls them.
#ifndef CONFORMANCE_CODES_HPP
#define CONFORMANCE_CODES_HPP

#include <map>
#include <string>

#include "facts.hpp"

namespace codes {

using ortlet::ErrorCode;

inline const std::map<std::string, ErrorCode> &all() {
  static const std::map<std::string, ErrorCode> kAll = {
      {"invalid_argument", ErrorCode::invalid_argument},
      {"invalid_model", ErrorCode::invalid_model},
      {"unsupported", ErrorCode::unsupported},
      {"tensor_mismatch", ErrorCode::tensor_mismatch},
      {"not_found", ErrorCode::not_found},
      {"io", ErrorCode::io},
      {"runtime_not_found", ErrorCode::runtime_not_found},
      {"runtime_incompatible", ErrorCode::runtime_incompatible},
      {"runtime_failed", ErrorCode::runtime_failed},
      {"deadline_exceeded", ErrorCode::deadline_exceeded},
      {"cancelled", ErrorCode::cancelled},
      {"pool_exhausted", ErrorCode::pool_exhausted},
      {"integrity", ErrorCode::integrity},
      {"accuracy_budget", ErrorCode::accuracy_budget},
      {"limit_exceeded", ErrorCode::limit_exceeded},
      {"internal", ErrorCode::internal},
  };
  return kAll;
}

// Throws unless an error is as expected. Its number and the name in its details have to say the same.
inline void check_error(const ortlet::Error &error, const Json &expected) {
  const Json details = Json::parse(error.details());
  const std::string code = expected.at("code");
  const auto known = all().find(code);
  if (known == all().end()) {
    throw Wrong("there is no error code " + code);
  }
  if (details.at("code") != code || error.code() != known->second) {
    throw Wrong("fails with the number " + std::to_string(static_cast<std::uint32_t>(error.code())) + " and " +
                details.dump() + ", expected the code " + code);
  }
  facts::check("details", details, member(expected, "details"));
  const std::string message = error.what();
  for (const std::string part : member(expected, "message_contains")) {
    if (message.find(part) == std::string::npos) {
      throw Wrong("`" + part + "` is not in the message: " + message);
    }
  }
}

}  // namespace codes

#endif
