//! Boxes that overlap better ones.

use super::super::OpError;
use super::operands::Inputs;
use crate::Tensor;

/// For each class of each picture, boxes from the best score on, without those that overlap a
/// chosen one by more than the threshold.
pub(super) fn non_max_suppression(center: bool, inputs: &Inputs) -> Result<Tensor, OpError> {
    let (boxes, scores) = (inputs.required(0)?, inputs.required(1)?);
    let ([batch, count, 4], [batches, classes, scored]) = (boxes.shape(), scores.shape()) else {
        return Err(OpError::new("boxes are [batch, boxes, 4], scores [batch, classes, boxes]"));
    };
    if batch != batches || count != scored {
        return Err(OpError::new("there must be a score for each box"));
    }
    let most = inputs.int(2)?.unwrap_or(0).max(0) as usize;
    let overlap = inputs.float(3)?.unwrap_or(0.0);
    let least = inputs.float(4)?;
    let corners: Vec<[f32; 4]> =
        boxes.to_f32().as_chunks().0.iter().map(|&found| corners(found, center)).collect();
    let scores = scores.to_f32();
    let mut rows = Vec::new();
    for picture in 0..*batch {
        for class in 0..*classes {
            let scores = &scores[(picture * classes + class) * count..][..*count];
            let corners = &corners[picture * count..][..*count];
            let mut order: Vec<usize> =
                (0..*count).filter(|&at| least.is_none_or(|least| scores[at] > least)).collect();
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            let mut chosen: Vec<usize> = Vec::new();
            for at in order {
                if chosen.len() >= most {
                    break;
                }
                if chosen.iter().all(|&other| shared(corners[at], corners[other]) <= overlap) {
                    chosen.push(at);
                }
            }
            rows.extend(
                chosen.into_iter().flat_map(|at| [picture as i64, class as i64, at as i64]),
            );
        }
    }
    Ok(Tensor::from_i64(&[rows.len() / 3, 3], &rows))
}

/// Lower corner, then upper, of a box that may be given by any two opposite corners.
fn corners([a, b, c, d]: [f32; 4], center: bool) -> [f32; 4] {
    if center {
        return [a - c / 2.0, b - d / 2.0, a + c / 2.0, b + d / 2.0];
    }
    [a.min(c), b.min(d), a.max(c), b.max(d)]
}

/// The area of both, as a share of the area of either.
fn shared(a: [f32; 4], b: [f32; 4]) -> f32 {
    let area = |[x, y, right, top]: [f32; 4]| (right - x).max(0.0) * (top - y).max(0.0);
    let both = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let either = area(a) + area(b) - both;
    if either > 0.0 { both / either } else { 0.0 }
}
