// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace comfystream::models {

/// A piece of a prompt as the encoder takes it: a word in UTF-8, or one of the two special tokens written out.
enum class ClipPiece { kWord, kStart, kEnd };

/// Splits text as transformers' CLIPTokenizer does (5.x; 4.x differs by putting spaces around CJK characters): literal
/// "<|startoftext|>" and "<|endoftext|>", then NFC, lower case, and words by OpenAI's pattern: 's 't 're 've 'm 'll 'd,
/// runs of letters, single digits, runs of anything else but space. Calls `take` for each piece in order.
void split_clip_words(std::string_view text, const std::function<void(ClipPiece, std::string_view)>& take);

}  // namespace comfystream::models
