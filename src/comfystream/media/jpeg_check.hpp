// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace comfystream::media {

/// What is wrong with the tables of a JPEG file: a Huffman table with more codes than its lengths allow, a scan that
/// names a table or a component that the file did not define (ITU-T T.81, B.2.3, B.2.4 and C.2). nullptr when nothing
/// is, and for files that are no JPEG. stb_image takes such tables at their word and reads and writes past its own.
[[nodiscard]] const char* jpeg_fault(std::span<const std::byte> file) noexcept;

}  // namespace comfystream::media
