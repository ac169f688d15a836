//! Code that several test programs share. None of them uses all of it.

#![allow(dead_code)]

pub mod case_files;
pub mod golden_vectors;
