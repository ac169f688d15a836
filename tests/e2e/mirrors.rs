//! Copies of requests go to mirrors. Each is counted, and none affects production.

mod accounting;
mod bad_mirrors;
mod bodies;
mod budget;
mod copies;
mod decisions;
mod destinations;
mod endings;
mod grpc;
mod loops;
mod memory;
mod metrics;
mod percentages;
mod stage;
mod tunnels;
mod updates;
