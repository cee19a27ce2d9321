# Ortlet for CMake: wherever this archive was unpacked to.
#   ortlet::ortlet   the C interface, shared library
#   ortlet::static   the C interface, static library; needs libonnxruntime beside the program or in ../lib
#   ortlet::cpp      the C++17 interface over ortlet::ortlet
get_filename_component(_ortlet_root "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET ortlet::ortlet)
  add_library(ortlet::ortlet SHARED IMPORTED)
  set_target_properties(ortlet::ortlet PROPERTIES
    IMPORTED_LOCATION "${_ortlet_root}/lib/libortlet.so.@MAJOR@"
    IMPORTED_SONAME "libortlet.so.@MAJOR@"
    INTERFACE_INCLUDE_DIRECTORIES "${_ortlet_root}/include")

  add_library(ortlet::static STATIC IMPORTED)
  set_target_properties(ortlet::static PROPERTIES
    IMPORTED_LOCATION "${_ortlet_root}/lib/libortlet.a"
    IMPORTED_LINK_INTERFACE_LANGUAGES C
    INTERFACE_LINK_LIBRARIES "@STATIC_LIBS@"
    INTERFACE_INCLUDE_DIRECTORIES "${_ortlet_root}/include")

  add_library(ortlet::cpp INTERFACE IMPORTED)
  set_target_properties(ortlet::cpp PROPERTIES
    INTERFACE_COMPILE_FEATURES cxx_std_17
    INTERFACE_LINK_LIBRARIES ortlet::ortlet)
endif()

unset(_ortlet_root)
