-- A session of Neovim with the server: prints one line of JSON with what the user would see. Runs on 0.7 and later.
local out = { diagnostics = {} }
local fail = function(message)
  io.stderr:write(message .. '\n')
  vim.cmd('cquit 1')
end
local published = false
local buffer = vim.api.nvim_get_current_buf()
vim.bo[buffer].filetype = 'dts'
local publish = vim.lsp.handlers['textDocument/publishDiagnostics']
local id = vim.lsp.start_client({
  name = 'doorbell',
  cmd = vim.fn.json_decode(vim.env.LSP_CMD),
  root_dir = vim.fn.getcwd(),
  handlers = {
    ['textDocument/publishDiagnostics'] = function(err, result, context, config)
      publish(err, result, context, config)
      out.diagnostics = result.diagnostics
      published = true
    end,
  },
})
if not id then
  return fail('the server did not start')
end
vim.lsp.buf_attach_client(buffer, id)
if not vim.wait(20000, function() return published end, 10) then
  return fail('no diagnostics')
end
local first = out.diagnostics[1]
local document = vim.lsp.util.make_text_document_params(buffer)
local ask = function(method, params)
  local answers = vim.lsp.buf_request_sync(buffer, method, params, 10000)
  return answers and answers[id] and answers[id].result or nil
end
if first then
  local hover = ask('textDocument/hover', { textDocument = document, position = first.range.start })
  out.hover = hover and hover.contents.value
  local range = { textDocument = document, range = first.range, context = { diagnostics = { first } } }
  local actions = ask('textDocument/codeAction', range) or {}
  out.actions = vim.tbl_map(function(action) return action.title end, actions)
  local chosen = actions[1]
  if chosen and not chosen.edit then
    chosen = ask('codeAction/resolve', chosen)
  end
  if chosen and chosen.edit then
    out.before, published = out.diagnostics, false
    vim.lsp.util.apply_workspace_edit(chosen.edit, vim.lsp.get_client_by_id(id).offset_encoding)
    vim.wait(20000, function() return published end, 10)
    out.after = out.diagnostics
  end
end
io.stdout:write(vim.fn.json_encode(out) .. '\n')
vim.lsp.stop_client(id)
vim.wait(3000, function() return vim.lsp.get_client_by_id(id) == nil end, 10)
vim.cmd('qall!')
