//! Whole-mesh tests live beside this file.
