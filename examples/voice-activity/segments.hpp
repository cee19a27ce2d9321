// Speech segments from a probability for each piece of sound.
//
// Speech begins where the probability rises above one bound, and ends where it stays below a lower one for a while, as
// Silero's own tools do it. Short bursts are no speech.
#ifndef VOICE_ACTIVITY_SEGMENTS_HPP
#define VOICE_ACTIVITY_SEGMENTS_HPP

#include <algorithm>
#include <vector>

struct Segment {
  double start_s;
  double end_s;
};

class Segments {
 public:
  explicit Segments(double piece_s) : piece_s_(piece_s) {}

  // Takes the probability of the next piece.
  void add(float probability) {
    const double start = now_s_;
    now_s_ += piece_s_;
    if (probability >= kBegin) {
      silence_from_s_ = -1;
      if (!is_speech_) {
        is_speech_ = true;
        start_s_ = start;
      }
    } else if (is_speech_ && probability < kEnd) {
      if (silence_from_s_ < 0) {
        silence_from_s_ = start;
      }
      if (now_s_ - silence_from_s_ >= kShortestSilence) {
        end(silence_from_s_);
      }
    }
  }

  // The segments, after the last piece.
  std::vector<Segment> finish() {
    if (is_speech_) {
      end(silence_from_s_ < 0 ? now_s_ : silence_from_s_);
    }
    return segments_;
  }

 private:
  static constexpr float kBegin = 0.5F;
  static constexpr float kEnd = 0.35F;
  static constexpr double kShortestSpeech = 0.25;
  static constexpr double kShortestSilence = 0.1;

  void end(double end_s) {
    is_speech_ = false;
    silence_from_s_ = -1;
    if (end_s - start_s_ >= kShortestSpeech) {
      segments_.push_back({start_s_, end_s});
    }
  }

  double piece_s_;
  double now_s_ = 0;
  double start_s_ = 0;
  double silence_from_s_ = -1;
  bool is_speech_ = false;
  std::vector<Segment> segments_;
};

#endif
