// Rows [top, bottom) of one frame, from vertices to what is asked for. Included once per instruction set, see lanes.h.

inline void draw_band(const RasterParams& p, const Scratch& scratch, int64_t frame, int top, int bottom) {
  const int width = int(p.width);
  const int64_t start = (frame * p.height + top) * width, pixels = int64_t(bottom - top) * width;
  Corner* corners = static_cast<Corner*>(scratch.corners);
  // Where they are asked for, the outputs serve while drawing.
  const Band band{corners, p.faces, width, top, bottom, p.depth ? p.depth + start : scratch.nearest,
                  p.index ? p.index + start : scratch.index};
  std::memset(band.nearest, 0, pixels * sizeof(float));
  std::memset(band.index, 0xff, pixels * sizeof(int32_t));
  read_corners(p, frame, corners);
  band.draw(p.face_count);
  write_band(p, frame, band);
}
