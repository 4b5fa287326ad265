// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "comfystream/workflow/workflow.hpp"

namespace comfystream::workflow {

/// ComfyStream's rules that make a still-image workflow live (its convert_prompt), with its words for what is wrong:
/// PrimaryInputLoadImage becomes LoadTensor, or else a lone LoadImage does; PreviewImage and SaveImage become
/// SaveTensor. "too many primary inputs in prompt", "too many inputs in prompt", "too many outputs in prompt",
/// "missing input", "missing output" are Errors(kValidation).
///
/// Unlike there:
/// - LoadBatchTensor and SaveBatchTensor count as live input and output;
/// - one live output per stream: a PreviewImage or SaveImage beside a SaveTensor or SaveBatchTensor stays what it is, a
///   debug tap, and so does a PreviewImage beside a SaveImage;
/// - a lone LoadImage beside a LoadTensor or LoadBatchTensor stays what it is, a picture that does not move;
/// - a workflow that only writes engine files (TRT conversions, no live input or output) is left alone.
[[nodiscard]] Workflow convert_prompt(Workflow workflow);

/// Which kinds of data go in and out live, by ComfyStream's class lists (its modalities).
struct LiveIo {
  bool video_in = false, video_out = false;
  bool audio_in = false, audio_out = false;
  bool text_out = false;
};
[[nodiscard]] LiveIo live_io(const Workflow& workflow);

}  // namespace comfystream::workflow
