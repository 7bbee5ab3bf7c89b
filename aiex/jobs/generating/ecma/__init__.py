"""Making JavaScript and TypeScript: modules of both kinds, Vitest, Jest, Mocha, Bun and the runner of Node."""
