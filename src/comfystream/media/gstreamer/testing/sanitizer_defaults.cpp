// SPDX-License-Identifier: Apache-2.0
// What the sanitizers ask a program for, where it was built with them: to tell the leaks of others by the functions on
// the way to them. Only whole stacks reach through GLib, which keeps no frame pointers.
// NOLINTBEGIN(bugprone-reserved-identifier): the names are the sanitizers'
extern "C" {

const char* __asan_default_options();
const char* __asan_default_options() { return "fast_unwind_on_malloc=0"; }

const char* __lsan_default_suppressions();
const char* __lsan_default_suppressions() {
  return "leak:call_init\n"            // GLib's tables, made while it is loaded
         "leak:libgstisomp4\n"         // what the MP4 demuxer's own thread forgets of damaged files
         "leak:gst_structure_free\n";  // GLib's notes on an object that is being freed
}
}
// NOLINTEND(bugprone-reserved-identifier)
