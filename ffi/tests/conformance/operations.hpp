// What the cases ask for, done by the C++ interface.
#ifndef CONFORMANCE_OPERATIONS_HPP
#define CONFORMANCE_OPERATIONS_HPP

#include <string>

#include "facts.hpp"
#include "places.hpp"

// A case that this runner leaves out, and why.
struct Skipped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Does what a case says, and throws Wrong for what is not as it expects.
void run_case(const Json &one, const Places &places);

#endif
