//! Charts as SVG, with colours that the page's style decides.

use jiff::ToSpan;
use jiff::civil::Date;
use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, LabelAreaPosition};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{PathElement, Rectangle, Text};
use plotters::series::LineSeries;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, TextStyle};

/// Colours that stand for those of the page's style, in its order.
const INK: RGBColor = RGBColor(1, 1, 1);
const FAINT: RGBColor = RGBColor(2, 2, 2);
const SERIES: [RGBColor; 5] = [
    RGBColor(11, 11, 11),
    RGBColor(12, 12, 12),
    RGBColor(13, 13, 13),
    RGBColor(14, 14, 14),
    RGBColor(15, 15, 15),
];
/// Colours of severities, worst first: those of pieces.
const SEVERITIES: [RGBColor; 5] = [
    RGBColor(21, 21, 21),
    RGBColor(22, 22, 22),
    RGBColor(23, 23, 23),
    RGBColor(24, 24, 24),
    RGBColor(25, 25, 25),
];
/// Each of them with the variable of the style.
const VARIABLES: [(&str, &str); 12] = [
    ("#010101", "var(--ink)"),
    ("#020202", "var(--faint)"),
    ("#0B0B0B", "var(--one)"),
    ("#0C0C0C", "var(--two)"),
    ("#0D0D0D", "var(--three)"),
    ("#0E0E0E", "var(--four)"),
    ("#0F0F0F", "var(--five)"),
    ("#151515", "var(--critical)"),
    ("#161616", "var(--high)"),
    ("#171717", "var(--medium)"),
    ("#181818", "var(--low)"),
    ("#191919", "var(--other)"),
];

/// Widths of a chart that has the page's width, and half of it.
pub(super) const WIDE: u32 = 1120;
pub(super) const HALF: u32 = 540;
const FONT: &str = "sans-serif";
const FONT_SIZE: i32 = 13;
/// What a bar and the gap below it take, in pixels.
const BAR: i32 = 26;
/// Where bars begin, behind their names.
const NAMES: i32 = 150;

type Drawn<'a> = Result<(), Box<dyn std::error::Error + 'a>>;

/// A line: its name, and a value for days in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub name: String,
    pub points: Vec<(Date, f64)>,
}

/// A bar: its name, and its pieces from left to right, with the whole that it is a part of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bar {
    pub name: String,
    pub pieces: Vec<f64>,
    pub note: String,
}

/// Lines over days, between the bounds of the values or those that are given. Empty where nothing can be
/// drawn.
pub(super) fn lines(width: u32, lines: &[Line], bounds: Option<(f64, f64)>) -> String {
    const HEIGHT: u32 = 230;
    draw((width, HEIGHT), |area| draw_lines(area, lines, bounds))
}

/// Bars below one another, the longest of them as long as `whole` at most.
pub(super) fn bars(bars: &[Bar], whole: f64) -> String {
    let height = u32::try_from(bars.len()).unwrap_or(0) * BAR.unsigned_abs() + 8;
    draw((HALF, height), |area| draw_bars(area, bars, whole))
}

fn draw(
    size: (u32, u32),
    draw: impl for<'a> Fn(&DrawingArea<SVGBackend<'a>, Shift>) -> Drawn<'a>,
) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        // Writes to memory: only what has no extent can't be drawn.
        if draw(&area).and_then(|()| Ok(area.present()?)).is_err() {
            return String::new();
        }
    }
    for (colour, variable) in VARIABLES {
        svg = svg.replace(colour, variable);
    }
    svg.replacen("<svg ", "<svg role=\"presentation\" focusable=\"false\" ", 1)
}

fn label(anchor: HPos) -> TextStyle<'static> {
    let style = (FONT, FONT_SIZE).into_font().color(&INK);
    style.pos(Pos::new(anchor, VPos::Center))
}

fn draw_lines<'a>(
    area: &DrawingArea<SVGBackend<'a>, Shift>,
    lines: &[Line],
    bounds: Option<(f64, f64)>,
) -> Drawn<'a> {
    let days = lines.iter().flat_map(|line| line.points.iter().map(|(day, _)| *day));
    let (Some(first), Some(last)) = (days.clone().min(), days.max()) else { return Ok(()) };
    let values = lines.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value));
    let (low, high) = bounds.unwrap_or_else(|| around(values));
    let place = |day: Date| f64::from(day.since(first).map_or(0, |span| span.get_days()));
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .set_label_area_size(LabelAreaPosition::Left, 44)
        .set_label_area_size(LabelAreaPosition::Bottom, 24)
        .build_cartesian_2d(0.0..place(last).max(1.0), low..high)?;
    let day_of = |place: &f64| {
        let day = first.checked_add((*place as i32).days()).unwrap_or(first);
        day.strftime("%-d %b").to_string()
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels((place(last) as usize + 1).min(7))
        .y_labels(5)
        .x_label_formatter(&day_of)
        .y_label_formatter(&|value| format!("{value:.0}"))
        .label_style((FONT, FONT_SIZE).into_font().color(&INK))
        .axis_style(FAINT)
        .bold_line_style(FAINT.stroke_width(1))
        .light_line_style(FAINT.stroke_width(0))
        .draw()?;
    for (line, colour) in lines.iter().zip(SERIES) {
        let points = line.points.iter().map(|(day, value)| (place(*day), *value));
        let style = ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: 2 };
        chart.draw_series(LineSeries::new(points, style))?;
    }
    Ok(())
}

/// Bounds with some room around values.
fn around(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let room = ((high - low) * 0.15).max(1.0);
    ((low - room).max(0.0), high + room)
}

fn draw_bars<'a>(area: &DrawingArea<SVGBackend<'a>, Shift>, bars: &[Bar], whole: f64) -> Drawn<'a> {
    const NOTES: i32 = 60;
    let width = HALF as i32 - NAMES - NOTES;
    let colours = if bars.iter().any(|bar| bar.pieces.len() > 1) { SEVERITIES } else { SERIES };
    for (index, bar) in (0..).zip(bars) {
        let top = index * BAR + 4;
        let middle = top + (BAR - 8) / 2;
        let name: String = bar.name.chars().take(24).collect();
        area.draw(&Text::new(name, (NAMES - 8, middle), label(HPos::Right)))?;
        let outline = vec![(NAMES, top + BAR - 8), (NAMES + width, top + BAR - 8)];
        area.draw(&PathElement::new(outline, FAINT))?;
        let mut left = NAMES;
        for (piece, colour) in bar.pieces.iter().zip(colours) {
            let length = if whole > 0.0 { (piece / whole * f64::from(width)) as i32 } else { 0 };
            let corners = [(left, top), (left + length, top + BAR - 8)];
            area.draw(&Rectangle::new(corners, colour.filled()))?;
            left += length;
        }
        area.draw(&Text::new(bar.note.clone(), (left + 6, middle), label(HPos::Left)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, values: &[f64]) -> Line {
        let first: Date = "2026-11-01".parse().unwrap();
        let points = (0..).zip(values).map(|(day, value): (i32, _)| (first + day.days(), *value));
        Line { name: name.to_owned(), points: points.collect() }
    }

    #[test]
    fn a_chart_has_the_styles_colours_only() {
        let bar = Bar { name: "<b>&".into(), pieces: vec![1.0, 2.0], note: "3 of 9".into() };

        let two = [line("a", &[1.0, 5.0]), line("b", &[2.0])];
        for (svg, colour) in [(lines(HALF, &two, None), "--two"), (bars(&[bar], 9.0), "--high")] {
            assert!(svg.starts_with("<svg role=") && svg.contains(colour), "{svg}");
            assert!(!svg.contains("#0") && !svg.contains("#1") && !svg.contains("style="), "{svg}");
            assert!(!svg.contains("<b>"), "{svg}");
        }
    }

    #[test]
    fn nothing_to_draw_is_no_failure() {
        assert!(!lines(HALF, &[], None).contains("var(--one)"));
        assert!(!lines(HALF, &[line("a", &[])], Some((0.0, 0.0))).contains("var(--one)"));
        assert!(!bars(&[], 0.0).contains("var(--one)"));
        assert!(lines(WIDE, &[line("one day", &[7.0])], None).starts_with("<svg"));
    }
}
