"""`full`: the published Real3D-Portrait and MimicTalk renderer as modules that its checkpoints load into."""
