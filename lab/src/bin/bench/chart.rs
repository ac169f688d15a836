//! The chart of what each row adds: a bar for the median, and a line from the least to the greatest.

use svg::Document;
use svg::node::element::{Line, Rectangle, Style, Text, Title};

use crate::spread::Spread;

const WIDTH: f64 = 860.0;

/// The x at which the bars begin, right of the names.
const LEFT: f64 = 290.0;

/// The x at which the longest line ends, left of its number.
const RIGHT: f64 = WIDTH - 60.0;

const TOP: f64 = 56.0;
const ROW: f64 = 28.0;
const BAR: f64 = 16.0;

/// Colours for a light and a dark page. The background is that of the page.
const STYLE: &str = "
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.axis { font-size: 11px; fill: #59636e; }
.grid { stroke: #59636e; stroke-opacity: 0.25; }
.spread { stroke: #1f2328; stroke-width: 1.5; }
.theirs { fill: #818b98; }
.ours { fill: #2f81f7; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .axis { fill: #9198a1; }
  .grid { stroke: #9198a1; }
  .spread { stroke: #f0f6fc; }
}";

/// Draws the rows with their names. `None` when there are none.
pub fn draw(rows: &[(&str, Spread)]) -> Option<String> {
    const TITLE: &str =
        "CPU time that a filter adds to a request through Envoy, in µs: median and spread";
    let most = Spread::of(rows.iter().map(|(_, adds)| adds.max()))?.max();
    let step = step(most);
    // Noise can make a number negative; its bar has no length.
    let x = |value: f64| LEFT + (RIGHT - LEFT) * (value / most.max(step)).max(0.0);
    let bottom = TOP + ROW * rows.len() as f64;
    let mut chart = Document::new()
        .set("viewBox", (0, 0, WIDTH, bottom + 12.0))
        .set("role", "img")
        .add(Title::new(TITLE))
        .add(Style::new(STYLE))
        .add(text(TITLE, 0.0, 18.0, "start").set("class", "title"));
    let mut mark = 0.0;
    while mark <= most {
        chart = chart
            .add(line(x(mark), TOP, x(mark), bottom).set("class", "grid"))
            .add(text(&mark.to_string(), x(mark), TOP - 8.0, "middle").set("class", "axis"));
        mark += step;
    }
    for (number, (name, adds)) in rows.iter().enumerate() {
        let middle = TOP + ROW * (number as f64 + 0.5);
        let whose = if name.starts_with("Halftone") {
            "ours"
        } else {
            "theirs"
        };
        let bar = Rectangle::new()
            .set("class", whose)
            .set("x", LEFT)
            .set("y", middle - BAR / 2.0)
            .set("width", x(adds.median()) - LEFT)
            .set("height", BAR);
        let number = format!("{:.1}", adds.median());
        chart = chart
            .add(text(name, LEFT - 8.0, middle + 4.0, "end"))
            .add(bar)
            .add(line(x(adds.min()), middle, x(adds.max()), middle).set("class", "spread"))
            .add(text(&number, x(adds.max()) + 6.0, middle + 4.0, "start"));
    }
    Some(format!("{chart}\n"))
}

fn text(content: &str, x: f64, y: f64, anchor: &str) -> Text {
    Text::new(content)
        .set("x", x)
        .set("y", y)
        .set("text-anchor", anchor)
}

fn line(x1: f64, y1: f64, x2: f64, y2: f64) -> Line {
    Line::new()
        .set("x1", x1)
        .set("y1", y1)
        .set("x2", x2)
        .set("y2", y2)
}

/// The distance of the marks of the axis: 1, 2 or 5 times a power of ten, so that there are at most eight marks.
fn step(most: f64) -> f64 {
    let mut steps = (0..).flat_map(|zeros| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(zeros)));
    steps.find(|step| most / step <= 8.0).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_bar_as_long_as_its_median() {
        let spread = |numbers: [f64; 3]| Spread::of(numbers).unwrap();
        let rows = [
            ("lua", spread([-1.0, 25.0, 30.0])),
            ("Halftone", spread([40.0, 50.0, 100.0])),
        ];
        let chart = draw(&rows).unwrap();
        let widths: Vec<_> = chart
            .lines()
            .filter(|line| line.contains("<rect"))
            .collect();
        assert_eq!(widths.len(), 2);
        assert!(widths[0].contains(r#"class="theirs""#) && widths[0].contains(r#"width="127.5""#));
        assert!(widths[1].contains(r#"class="ours""#) && widths[1].contains(r#"width="255""#));
        assert_eq!(draw(&[]), None);
    }

    #[test]
    fn marks_are_round_and_few() {
        assert_eq!(
            [0.4, 8.0, 8.1, 70.0, 170.0].map(step),
            [1.0, 1.0, 2.0, 10.0, 50.0]
        );
    }
}
