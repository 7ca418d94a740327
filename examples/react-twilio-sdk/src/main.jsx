// The page of react-chat; vite.config.js gives it the chat.js of this folder.
import "../../react-chat/src/main.jsx";
