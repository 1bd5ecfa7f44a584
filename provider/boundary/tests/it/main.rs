//! Properties of the boundary model.

mod algebra;
