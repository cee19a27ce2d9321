// Uses an unpacked archive from C++: says which Ortlet it is, runs a model, and says which ONNX Runtime ran it.
//
//   main MODEL       (the perceptron of the small models)

#include <ortlet/ortlet.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

void run(const std::string &model) {
  std::vector<float> x(64);
  for (std::size_t at = 0; at < x.size(); ++at) {
    x[at] = static_cast<float>(static_cast<int>(at * 7 % 13) - 6) / 4.0F;
  }
  const ortlet::Session session(model);
  const ortlet::Outputs outputs = session.run({{"x", ortlet::view(x, {2, 32})}});
  for (const float number : outputs["y"].tensor().as<float>()) {
    std::printf("%.9g ", static_cast<double>(number));
  }
  std::printf("\n%s\n", ortlet::doctor().c_str());
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: main MODEL\n");
    return 2;
  }
  std::printf("%s %u\n", ortlet::version().c_str(), static_cast<unsigned>(ortlet_abi_version()));
  try {
    run(argv[1]);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
