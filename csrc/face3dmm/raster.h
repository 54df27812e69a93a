// The z-buffer of face3dmm. Raw pointers in and out; nothing here knows Python or torch.
#pragma once
#include <cstdint>

namespace face3dmm {

struct RasterParams {
  const float* vertices;    // [frames, vertex_count, 3] x right, y down in pixels, depth > 0
  const int64_t* faces;     // [face_count, 3], each in [0, vertex_count); checked by the caller
  const float* attributes;  // [vertex_count, channels]; may be null
  int32_t* index;           // out [frames, height, width], -1 where empty; may be null
  float* depth;             // out [frames, height, width], infinity where empty; may be null
  float* barycentric;       // out [frames, height, width, 3], 0 where empty; may be null
  float* picture;           // out [frames, channels, height, width]; null without attributes
  float background;         // value of the picture where empty
  int64_t frames, vertex_count, face_count, channels, height, width;
};

// Nearest triangle at each pixel centre. Triangles with a corner that is not finite or not in front are left out.
void rasterize(const RasterParams& params);

}  // namespace face3dmm
