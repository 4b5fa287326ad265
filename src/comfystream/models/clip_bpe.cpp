// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/clip_bpe.hpp"

#include "comfystream/error.hpp"
#include "comfystream/models/clip_unicode.hpp"

#include <array>
#include <functional>
#include <queue>
#include <tuple>

namespace comfystream::models {
namespace {

constexpr std::string_view kWordEnd = "</w>";
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

std::uint64_t key_of(std::int32_t left, std::int32_t right) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32U) | static_cast<std::uint32_t>(right);
}

/// Bytes in the order of their tokens, and the printable code point that the file writes each as: Latin-1's printable
/// ones as themselves, then the others as 256, 257, ...
std::array<std::pair<unsigned char, char32_t>, ClipBpe::kBytes> byte_alphabet() {
  std::array<std::pair<unsigned char, char32_t>, ClipBpe::kBytes> alphabet{};
  std::size_t count = 0;
  const auto printable = [](int byte) {
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  };
  for (int byte = 0; byte < ClipBpe::kBytes; ++byte) {
    if (printable(byte)) alphabet[count++] = {static_cast<unsigned char>(byte), static_cast<char32_t>(byte)};
  }
  char32_t stand_in = 256;
  for (int byte = 0; byte < ClipBpe::kBytes; ++byte) {
    if (!printable(byte)) alphabet[count++] = {static_cast<unsigned char>(byte), stand_in++};
  }
  return alphabet;
}

/// Hands out the lines of a text without their line ends.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find('\n');
    line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return true;
  }

 private:
  std::string_view rest_;
};

}  // namespace

ClipBpe::ClipBpe(std::string_view text, const std::string& origin) {
  std::unordered_map<std::string, std::int32_t> tokens;
  tokens.reserve(static_cast<std::size_t>(kStart));
  std::int32_t next = 0;
  for (const auto& [byte, written_as] : byte_alphabet()) {
    std::string symbol;
    unicode::append_utf8(symbol, written_as);
    byte_tokens_[byte] = next;
    tokens[symbol + std::string(kWordEnd)] = next + kBytes;
    tokens[std::move(symbol)] = next++;
  }
  merges_.reserve(static_cast<std::size_t>(kMerges));
  Lines lines(text);
  std::string_view line;
  lines.next(line);
  for (std::int32_t rank = 0; rank < kMerges; ++rank) {
    const bool there = lines.next(line);
    const std::size_t space = there ? line.find(' ') : std::string_view::npos;
    const auto left = space == std::string_view::npos ? tokens.end() : tokens.find(std::string(line.substr(0, space)));
    const auto right = left == tokens.end() ? left : tokens.find(std::string(line.substr(space + 1)));
    if (right == tokens.end()) {
      throw Error(ErrorCode::kCorruptFile,
                  "CLIP vocabulary " + origin + ": line " + std::to_string(rank + 2) +
                      (there ? " is not a merge of two known parts" : " is missing"),
                  "the file must be open_clip's bpe_simple_vocab_16e6.txt.gz or its unpacked text");
    }
    merges_[key_of(left->second, right->second)] = {rank, 2 * kBytes + rank};
    tokens[left->first + right->first] = 2 * kBytes + rank;
  }
}

const ClipBpe::Merge* ClipBpe::find(std::int32_t left, std::int32_t right) const {
  const auto merge = merges_.find(key_of(left, right));
  return merge == merges_.end() ? nullptr : &merge->second;
}

void ClipBpe::encode_word(std::string_view bytes, std::vector<std::int32_t>& tokens) const {
  if (bytes.empty()) return;
  struct Symbol {
    std::int32_t token;
    std::size_t previous, next;
  };
  std::vector<Symbol> symbols(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    symbols[i] = {byte_tokens_[static_cast<unsigned char>(bytes[i])], i == 0 ? kNone : i - 1,
                  i + 1 == bytes.size() ? kNone : i + 1};
  }
  symbols.back().token += kBytes;

  // The pair of lowest rank goes first, of equal ones the leftmost. A pair is stale when its symbols have changed
  // since.
  using Pair = std::tuple<std::int32_t, std::size_t, std::int32_t, std::int32_t, std::int32_t>;
  std::priority_queue<Pair, std::vector<Pair>, std::greater<>> queue;
  const auto offer = [&](std::size_t at) {
    if (at == kNone || symbols[at].next == kNone) return;
    const std::int32_t left = symbols[at].token;
    const std::int32_t right = symbols[symbols[at].next].token;
    if (const Merge* merge = find(left, right)) queue.emplace(merge->rank, at, left, right, merge->token);
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) offer(i);
  constexpr std::int32_t kGone = -1;
  while (!queue.empty()) {
    const auto [rank, at, left, right, token] = queue.top();
    queue.pop();
    Symbol& symbol = symbols[at];
    if (symbol.token != left || symbol.next == kNone || symbols[symbol.next].token != right) continue;
    Symbol& eaten = symbols[symbol.next];
    symbol.token = token;
    symbol.next = eaten.next;
    eaten.token = kGone;
    if (symbol.next != kNone) symbols[symbol.next].previous = at;
    offer(symbol.previous);
    offer(at);
  }
  for (std::size_t i = 0; i != kNone; i = symbols[i].next) tokens.push_back(symbols[i].token);
}

}  // namespace comfystream::models
