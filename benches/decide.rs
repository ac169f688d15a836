//! The times of a decision, of a mirror's copy, and of reading a configuration: `cargo bench --bench decide`.

mod scenarios;

use criterion::{Criterion, criterion_group, criterion_main};
use scenarios::{deciding, loading, mirroring, values};

fn decide(criterion: &mut Criterion) {
    let all = deciding::ALL.into_iter().chain(values::ALL);
    for scenario in all.chain(mirroring::ALL).chain(loading::ALL) {
        let mut run = (scenario.prepare)();
        criterion.bench_function(scenario.name, |bencher| bencher.iter(&mut run));
    }
}

criterion_group!(benches, decide);
criterion_main!(benches);
