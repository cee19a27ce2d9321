// Reads sound from a WAV file: 16-bit PCM, mono.
#ifndef VOICE_ACTIVITY_WAV_HPP
#define VOICE_ACTIVITY_WAV_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace wav {

namespace detail {

// A number of `size` bytes, the lowest first.
inline std::uint32_t little(const std::vector<unsigned char> &bytes, std::size_t at, std::size_t size) {
  std::uint32_t number = 0;
  for (std::size_t byte = 0; byte < size; ++byte) {
    number |= static_cast<std::uint32_t>(bytes.at(at + byte)) << (8 * byte);
  }
  return number;
}

inline bool is_named(const std::vector<unsigned char> &bytes, std::size_t at, const char *name) {
  return at + 4 <= bytes.size() && std::string(bytes.begin() + at, bytes.begin() + at + 4) == name;
}

}  // namespace detail

// The samples, from -1 to 1. Throws if the file is anything else than 16-bit mono PCM of this rate.
inline std::vector<float> read(const std::string &path, std::size_t rate) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw std::runtime_error("cannot read `" + path + "`");
  }
  const std::vector<unsigned char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (!detail::is_named(bytes, 0, "RIFF") || !detail::is_named(bytes, 8, "WAVE")) {
    throw std::runtime_error("`" + path + "` is no WAV file");
  }
  bool has_format = false;
  for (std::size_t at = 12; at + 8 <= bytes.size();) {
    const std::size_t start = at + 8;
    const std::size_t size = detail::little(bytes, at + 4, 4);
    if (detail::is_named(bytes, at, "fmt ") && start + 16 <= bytes.size()) {
      has_format = detail::little(bytes, start, 2) == 1 && detail::little(bytes, start + 2, 2) == 1 &&
                   detail::little(bytes, start + 4, 4) == rate && detail::little(bytes, start + 14, 2) == 16;
    } else if (detail::is_named(bytes, at, "data")) {
      if (!has_format) {
        break;
      }
      // Programs that write to a pipe cannot know the size, and say a huge one.
      const std::size_t end = std::min(start + size, bytes.size());
      std::vector<float> samples;
      samples.reserve((end - start) / 2);
      for (std::size_t sample = start; sample + 2 <= end; sample += 2) {
        samples.push_back(static_cast<std::int16_t>(detail::little(bytes, sample, 2)) / 32768.0F);
      }
      return samples;
    }
    at = start + size + size % 2;
  }
  throw std::runtime_error("`" + path + "` is not 16-bit mono PCM of " + std::to_string(rate) + " Hz");
}

}  // namespace wav

#endif
