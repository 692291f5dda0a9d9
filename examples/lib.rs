//! Small programs that show the parts of motcua at work; see the files beside this one.

pub mod bench_lines;
