// Finds speech in a WAV file with the Silero model, piece by piece, as it would come from a microphone.
//
//   voice-activity MODEL.onnx SPEECH.wav       (16-bit PCM, mono, 16 kHz)
//
// Each run reads and writes the same memory, and its state is the next run's without a copy.

#include <ortlet/ortlet.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "segments.hpp"
#include "wav.hpp"

namespace {

constexpr std::size_t kRate = 16000;
// What the model takes in a run: new samples behind the last ones of the piece before.
constexpr std::size_t kPiece = 512;
constexpr std::size_t kContext = 64;

class Detector {
 public:
  explicit Detector(const ortlet::Session &session)
      : call_(session.binder()
                  .shape("input", {1, kContext + kPiece})
                  .shape("state", {2, 1, 128})
                  .tie("stateN", "state")
                  .bind()),
        input_(call_.input<float>("input")) {
    call_.input<std::int64_t>("sr")[0] = kRate;
  }

  // How probably there is speech in the next piece, which is filled up with silence if it is the last.
  float operator()(const float *samples, std::size_t count) {
    std::copy(input_.end() - kContext, input_.end(), input_.begin());
    float *const rest = std::copy(samples, samples + count, input_.begin() + kContext);
    std::fill(rest, input_.end(), 0.0F);
    call_.run();
    return call_.output<float>("output")[0];
  }

 private:
  ortlet::Binding call_;
  // Not tied, so it stays where it is.
  ortlet::Span<float> input_;
};

// The first number of this name in a JSON text; a program that shows more of a report will want a JSON library.
double number(const std::string &json, const std::string &key) {
  const std::size_t at = json.find('"' + key + "\":");
  return at == std::string::npos ? 0 : std::stod(json.substr(at + key.size() + 3));
}

void run(const std::string &model, const std::string &file) {
  const std::vector<float> samples = wav::read(file, kRate);
  const ortlet::Session session(model);
  Detector detector(session);
  Segments segments(static_cast<double>(kPiece) / kRate);
  for (std::size_t at = 0; at < samples.size(); at += kPiece) {
    segments.add(detector(&samples[at], std::min(kPiece, samples.size() - at)));
  }

  std::printf("%-8s %8s %8s\n", "speech", "from", "to");
  std::size_t count = 0;
  for (const Segment &segment : segments.finish()) {
    std::printf("%-8zu %7.2fs %7.2fs\n", ++count, segment.start_s, segment.end_s);
  }
  const std::string metrics = session.metrics();  // begins with the times that runs computed
  const auto microseconds = [&](const char *key) { return number(metrics, key) / 1000; };
  std::printf("%.2f s of sound, a run for each %.0f ms of it: p50 %.0f us, p90 %.0f us, p99 %.0f us, max %.0f us\n",
              static_cast<double>(samples.size()) / kRate, 1000.0 * kPiece / kRate, microseconds("p50_ns"),
              microseconds("p90_ns"), microseconds("p99_ns"), microseconds("max_ns"));
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: voice-activity MODEL.onnx SPEECH.wav\n");
    return 2;
  }
  try {
    run(argv[1], argv[2]);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
