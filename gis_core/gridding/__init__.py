"""Division of an area into unit grids 单元网格: blocks, cuts, codes, drafts and their publication."""
