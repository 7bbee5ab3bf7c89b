"""What JavaScript and TypeScript share: readers of structure, imports and exports, uses, and where imports lead."""
