"""Reports made from records alone: tables, comparisons, ablations, figures and pages."""
