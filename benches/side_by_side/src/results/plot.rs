//! Time against rows, both logarithmic.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::amount::Amount;
use crate::failure::Failure;
use crate::ranking::{Ranking, Standing};

const SIZE: (u32, u32) = (640, 420);

/// Readable on white and on black.
const GREY: RGBColor = RGBColor(128, 128, 128);

/// So are these; told apart also by those who see few colours, with a name at each line.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 158, 115),
    RGBColor(110, 170, 60),
    RGBColor(213, 94, 0),
    RGBColor(86, 160, 220),
    RGBColor(30, 110, 190),
    RGBColor(204, 110, 160),
    RGBColor(190, 140, 0),
];

/// The full resets of SQLite as an SVG; nothing when fewer than two sizes were measured.
pub(crate) fn plot(rankings: &[Ranking]) -> Result<Option<String>, Failure> {
    let of_kind = rankings.iter().filter(|ranking| ranking.id == "sqlite");
    let of_kind: Vec<_> = of_kind.collect();
    let (Some(first), Some(last)) = (of_kind.first(), of_kind.last()) else {
        return Ok(None);
    };
    if first.size == last.size {
        return Ok(None);
    }
    let lines: Vec<(&str, Vec<(f64, f64)>)> = first
        .standings
        .iter()
        .map(|standing| (standing.name, points(&of_kind, standing.name)))
        .collect();
    let times = || {
        lines
            .iter()
            .flat_map(|(_, points)| points.iter().map(|point| point.1))
    };
    let least = times().fold(f64::INFINITY, f64::min) / 1.6;
    let most = times().fold(0.0, f64::max) * 1.6;
    let (from, to) = (first.size.0 as f64, last.size.0 as f64);

    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    let text = |size: u32| ("sans-serif", size).into_font().color(&GREY);
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .margin_right(160)
        .caption(
            "Full reset of SQLite, whole: milliseconds against rows",
            text(16),
        )
        .x_label_area_size(30)
        .y_label_area_size(52)
        .build_cartesian_2d((from..to).log_scale(), (least..most).log_scale())?;
    chart
        .configure_mesh()
        .axis_style(GREY)
        .bold_line_style(GREY.mix(0.3))
        .light_line_style(GREY.mix(0.0))
        .label_style(text(13))
        .x_label_formatter(&rows_label)
        .y_label_formatter(&|time| format!("{time}"))
        .draw()?;
    let mut names = Vec::new();
    for ((name, points), colour) in lines.iter().zip(COLOURS) {
        chart.draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?;
        let dots = points
            .iter()
            .map(|point| Circle::new(*point, 3, colour.filled()));
        chart.draw_series(dots)?;
        if let Some(end) = points.last() {
            names.push((chart.backend_coord(end), *name, colour));
        }
    }
    drop(chart);
    // Each name beside its line, and below the one before.
    names.sort_by_key(|((_, y), ..)| *y);
    let mut free = i32::MIN;
    for ((x, y), name, colour) in names {
        let y = y.max(free);
        free = y + 15;
        let style = ("sans-serif", 13).into_font().color(&colour);
        let style = style.pos(Pos::new(HPos::Left, VPos::Center));
        root.draw(&Text::new(name, (x + 8, y), style))?;
    }
    root.present()?;
    drop(root);
    Ok(Some(svg))
}

/// One, two and five of each power of ten: there is no room for more.
fn rows_label(rows: &f64) -> String {
    let rows = Amount(rows.round() as u64).to_string();
    let is_shown = rows.starts_with(['1', '2', '5']);
    if is_shown { rows } else { String::new() }
}

fn points(rankings: &[&Ranking], name: &str) -> Vec<(f64, f64)> {
    let point = |ranking: &&Ranking| {
        let whole = ranking.standing(name).and_then(Standing::whole)?;
        Some((ranking.size.0 as f64, whole.median))
    };
    rankings.iter().filter_map(point).collect()
}
