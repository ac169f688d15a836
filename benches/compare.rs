//! The time to compare two answers: `cargo bench --bench compare`.

mod scenarios;

use criterion::{Criterion, criterion_group, criterion_main};

fn compare(criterion: &mut Criterion) {
    for scenario in scenarios::comparing::ALL {
        let mut run = (scenario.prepare)();
        criterion.bench_function(scenario.name, |bencher| bencher.iter(&mut run));
    }
}

criterion_group!(benches, compare);
criterion_main!(benches);
