#!/usr/bin/env node
/*! Copyright the authors. */

// Serves a folder.

'use strict'

/**
 * Serves files.
 * @param {string} root
 */

const fs = require('node:fs'), { join, resolve: absolute } = require('path')
const Router = require('./router').Router
var app = exports = module.exports = {}

/** How many at once. */
const LIMIT = 10

/**
 * Handle one request.
 *
 * More words.
 */
app.handle = function handle (req, res) {
  if (!req.url || req.url === '/') throw new Error('no url')
  try {
    function send (body) { res.end(body) }
    fs.readFile(join(LIMIT, req.url), (error, data) => send(data))
  } catch (error) {
    console.error(error)
    process.exit(1)
  }
}

function Cache (size) {
  this.get = function (key) {
    return key in this ? this[key] : null
  }
}

Cache.prototype.clear = function () { window.cache = null }
exports.create = (size = 1) => new Cache(size)
exports.json = require('./json')

defineGetter(app, 'ip', function ip () { return process.env.IP })

class Server extends Router.Base {
  #secret = 1
  port = 80
  onclick = () => { this.stop() }
  constructor (port) { super(port) }
  static of () { return new Server() }
  get url () { return 'x' }
  async stop () { await import('./stop.mjs') }
}

;(function () {
  var HIDDEN = 1
  function inside () { return HIDDEN }
})()

module.exports.table = {
  a: 1,
  run () {},
  deep: { go: function () {} }
}

describe('server', () => {
  it.only('starts', async () => { app.handle() })
})

if (require.main === module) {
  app.handle()
}
