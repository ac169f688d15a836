//! What several test programs share.

pub mod case_files;
