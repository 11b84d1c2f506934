//! Strokes of the pictures: text, boxes and lines in pixels.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::{Color, IntoFont, RGBColor, ShapeStyle, WHITE};

pub use plotters::style::RGBColor as RGB;

pub const INK: RGBColor = RGBColor(50, 49, 48);
pub const GREY: RGBColor = RGBColor(110, 108, 106);
pub const FAINT: RGBColor = RGBColor(215, 213, 211);
pub const ACCENT: RGBColor = RGBColor(0, 102, 180);
pub const SERIES: [RGBColor; 6] = [
    RGBColor(0, 102, 180),
    RGBColor(214, 118, 24),
    RGBColor(44, 138, 90),
    RGBColor(128, 82, 160),
    RGBColor(190, 60, 70),
    RGBColor(110, 120, 130),
];

/// Size of a tile's title, which nothing else has.
pub const TITLE_SIZE: i32 = 15;

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A picture of that size.
pub fn svg(size: (i32, i32), draw: impl for<'a> Fn(&Area<'a>)) -> String {
    let mut svg = String::new();
    {
        let size = (size.0.unsigned_abs(), size.1.unsigned_abs());
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).unwrap();
        draw(&area);
        area.present().unwrap();
    }
    svg
}

pub fn label(area: &Area<'_>, at: (i32, i32), text: &str, size: i32, colour: RGBColor) {
    let style = ("sans-serif", size).into_font().color(&colour);
    area.draw(&Text::new(text.to_owned(), at, style)).unwrap();
}

pub fn rectangle(
    area: &Area<'_>,
    (left, top, width, height): (i32, i32, i32, i32),
    colour: RGBColor,
) {
    let corners = [(left, top), (left + width, top + height)];
    area.draw(&Rectangle::new(corners, colour.filled())).unwrap();
}

pub fn outline(area: &Area<'_>, (left, top, width, height): (i32, i32, i32, i32)) {
    let corners = [(left, top), (left + width, top + height)];
    area.draw(&Rectangle::new(corners, ShapeStyle::from(FAINT).stroke_width(1))).unwrap();
}

pub fn line(area: &Area<'_>, points: &[(i32, i32)], colour: RGBColor, width: u32) {
    let style = ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: width };
    area.draw(&PathElement::new(points.to_vec(), style)).unwrap();
}

pub fn dot(area: &Area<'_>, at: (i32, i32), colour: RGBColor) {
    area.draw(&Circle::new(at, 4, colour.filled())).unwrap();
}

/// A text as long as it fits into a width.
pub fn cut(text: &str, width: i32, size: i32) -> String {
    let most = usize::try_from(width * 100 / (size * 44)).unwrap_or(0);
    match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// A text as a picture has it.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Texts of a picture that have that size, in order.
pub fn texts_of_size(svg: &str, size: i32) -> Vec<String> {
    // The library gives sizes in another unit.
    let mark = format!("font-size=\"{}\"", f64::from(size) / 1.24);
    let texts = svg.split("<text ").skip(1).filter(|text| text.contains(&mark));
    let text = |text: &str| {
        let inner = text.split_once('>').unwrap().1.split("</text>").next().unwrap().trim();
        inner.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    };
    texts.map(text).collect()
}
